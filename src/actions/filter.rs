//! Rules that pick actions: by id, plugin, effect, permission or promise. What a named server shows, what a token is
//! kept to, and which calls wait for a person are all said with them.

use serde_json::{Map, Value};

use super::{Action, Effect};
use crate::limits;

/// One rule. Every part that is there must fit; a rule without parts fits everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// Fits `plugin:name`.
    pub id: Option<Glob>,
    /// Fits the part before the colon.
    pub plugin: Option<Glob>,
    /// One of these effects; empty for any.
    pub effects: Vec<Effect>,
    /// One of these permissions; empty for any. An action without a permission fits none.
    pub permissions: Vec<String>,
    /// Whether a second run may change nothing more.
    pub idempotent: Option<bool>,
}

/// What is shown and what is not, as Backstage's `filter` has it: `exclude` wins, and no `include` means everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// What may be shown.
    pub include: Vec<Rule>,
    /// What is not, whatever `include` says.
    pub exclude: Vec<Rule>,
}

impl Filter {
    /// Whether `action` is shown.
    pub fn shows(&self, action: &Action) -> bool {
        let fits = |rule: &Rule| rule.fits(action);
        (self.include.is_empty() || self.include.iter().any(fits)) && !self.exclude.iter().any(fits)
    }
}

impl Rule {
    /// Whether `action` fits.
    pub fn fits(&self, action: &Action) -> bool {
        self.id.as_ref().is_none_or(|id| id.fits(&action.id))
            && self.plugin.as_ref().is_none_or(|plugin| plugin.fits(action.plugin()))
            && (self.effects.is_empty() || self.effects.contains(&action.effect))
            && (self.permissions.is_empty()
                || action.permission.as_ref().is_some_and(|p| self.permissions.contains(p)))
            && self.idempotent.is_none_or(|wanted| wanted == action.idempotent)
    }

    /// From a word, `catalog:*`, `plugin:catalog` or `effect:delete`, or from a table of parts, which may be
    /// Backstage's `{id, attributes: {destructive, readOnly, idempotent}}`.
    ///
    /// # Errors
    /// A sentence that says which part cannot be read.
    pub fn parse(value: &Value) -> Result<Self, String> {
        match value {
            Value::String(text) => Self::word(text),
            Value::Object(parts) => Self::table(parts),
            other => {
                Err(format!("{other} is no rule: write \"catalog:*\", \"effect:delete\" or {{ id = \"…\" }}"))
            }
        }
    }

    /// Several rules: a list, or one alone.
    ///
    /// # Errors
    /// As [`Rule::parse`].
    pub fn parse_all(value: &Value) -> Result<Vec<Self>, String> {
        match value {
            Value::Array(items) => items.iter().map(Self::parse).collect(),
            one => Ok(vec![Self::parse(one)?]),
        }
    }

    /// From `catalog:*`, `plugin:catalog` or `effect:delete`.
    ///
    /// # Errors
    /// As [`Rule::parse`].
    pub fn word(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("effect", effect)) => Ok(Self { effects: vec![self::effect(effect)?], ..Self::default() }),
            Some(("plugin", plugin)) => Ok(Self { plugin: Some(Glob::parse(plugin)?), ..Self::default() }),
            _ => Ok(Self { id: Some(Glob::parse(text)?), ..Self::default() }),
        }
    }

    fn table(parts: &Map<String, Value>) -> Result<Self, String> {
        let mut rule = Self::default();
        for (name, value) in parts {
            match name.as_str() {
                "id" => rule.id = Some(Glob::parse(text(name, value)?)?),
                "plugin" => rule.plugin = Some(Glob::parse(text(name, value)?)?),
                "effect" => rule.effects = vec![effect(text(name, value)?)?],
                "permission" => rule.permissions = words(name, value)?,
                "attributes" => rule.attributes(value)?,
                other => {
                    return Err(format!(
                        "a rule has no part {other:?}: id, plugin, effect, permission or attributes"
                    ));
                }
            }
        }
        Ok(rule)
    }

    /// Backstage's promises in our words: what only reads is *read*, what may destroy is *delete*.
    fn attributes(&mut self, value: &Value) -> Result<(), String> {
        let wrong =
            || format!("attributes = {value}: destructive, readOnly and idempotent, each true or false");
        for (name, wanted) in value.as_object().ok_or_else(wrong)? {
            let wanted = wanted.as_bool().ok_or_else(wrong)?;
            let fits: &[Effect] = match (name.as_str(), wanted) {
                ("readOnly", true) => &[Effect::Read],
                ("readOnly", false) => &[Effect::Change, Effect::Delete],
                ("destructive", true) => &[Effect::Delete],
                ("destructive", false) => &[Effect::Read, Effect::Change],
                ("idempotent", _) => {
                    self.idempotent = Some(wanted);
                    continue;
                }
                _ => return Err(wrong()),
            };
            if self.effects.is_empty() {
                self.effects = fits.to_vec();
            } else {
                self.effects.retain(|effect| fits.contains(effect));
                if self.effects.is_empty() {
                    return Err(format!("attributes = {value}: nothing both only reads and may destroy"));
                }
            }
        }
        Ok(())
    }
}

fn text<'v>(name: &str, value: &'v Value) -> Result<&'v str, String> {
    value.as_str().ok_or_else(|| format!("{name} = {value}: a text is wanted"))
}

/// A list of words, or one text with commas between them, as Backstage takes both.
pub fn words(name: &str, value: &Value) -> Result<Vec<String>, String> {
    match value {
        Value::String(text) => {
            Ok(text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect())
        }
        Value::Array(items) => items.iter().map(|item| text(name, item).map(str::to_owned)).collect(),
        other => Err(format!("{name} = {other}: a text or a list of texts is wanted")),
    }
}

/// `read`, `change` or `delete`.
fn effect(text: &str) -> Result<Effect, String> {
    match text {
        "read" => Ok(Effect::Read),
        "change" => Ok(Effect::Change),
        "delete" => Ok(Effect::Delete),
        other => Err(format!("effect {other:?}: one of read, change, delete")),
    }
}

/// A pattern: `*` for any run of characters, `?` for one, `{a,b}` for either.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob {
    text: String,
    /// One for each way through the braces.
    forms: Vec<Vec<char>>,
}

impl Glob {
    /// Reads a pattern.
    ///
    /// # Errors
    /// A sentence for characters whose meaning elsewhere (classes, negations) is not ours: a filter that silently fits
    /// something else would show what it should hide.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.len() > limits::GLOB_BYTES_MAX {
            return Err(format!("a pattern has 1 to {} characters", limits::GLOB_BYTES_MAX));
        }
        if let Some(odd) = text.chars().find(|c| "[]()!\\".contains(*c)) {
            return Err(format!(
                "the pattern {text:?} has {odd:?}; only *, ? and {{a,b}} have a meaning here"
            ));
        }
        let forms = expand(text).ok_or_else(|| {
            format!("the pattern {text:?}: braces that do not nest, at most {} forms", limits::GLOB_FORMS_MAX)
        })?;
        Ok(Self { text: text.to_owned(), forms: forms.iter().map(|form| form.chars().collect()).collect() })
    }

    /// Whether the whole of `text` fits.
    pub fn fits(&self, text: &str) -> bool {
        self.forms.iter().any(|form| fits(form, text))
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

fn expand(text: &str) -> Option<Vec<String>> {
    let Some((before, rest)) = text.split_once('{') else {
        return (!text.contains('}')).then(|| vec![text.to_owned()]);
    };
    let (inside, after) = rest.split_once('}')?;
    if inside.contains('{') || before.contains('}') {
        return None;
    }
    let mut forms = Vec::new();
    for tail in expand(after)? {
        for choice in inside.split(',') {
            forms.push(format!("{before}{choice}{tail}"));
        }
    }
    (forms.len() <= limits::GLOB_FORMS_MAX).then_some(forms)
}

/// One pass with one way back: a hostile pattern costs at most the product of both lengths.
fn fits(form: &[char], text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut seen) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while seen < text.len() {
        match form.get(at) {
            Some('*') => {
                back = Some((at, seen));
                at += 1;
            }
            Some(c) if *c == '?' || *c == text[seen] => {
                at += 1;
                seen += 1;
            }
            _ => match back {
                Some((star, from)) => {
                    back = Some((star, from + 1));
                    at = star + 1;
                    seen = from + 1;
                }
                None => return false,
            },
        }
    }
    form[at..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;

    fn action(id: &str, effect: Effect) -> Action {
        Action {
            id: id.into(),
            title: String::new(),
            description: String::new(),
            input: Arc::new(json!({"type": "object"})),
            output: Arc::new(json!({"type": "object"})),
            effect,
            idempotent: effect == Effect::Read,
            scope: None,
            permission: Some(format!("{}.thing", id.split(':').next().unwrap())),
            aliases: Vec::new(),
            run: Arc::new(|_, _| Box::pin(async { Ok(json!({})) })),
        }
    }

    #[test]
    fn a_pattern_fits_the_whole_text_and_nothing_less() {
        for (pattern, text, expected) in [
            ("catalog:*", "catalog:get-catalog-entity", true),
            ("catalog:*", "catalogue:get", false),
            ("catalog:get", "catalog:get-catalog-entity", false),
            ("*", "", true),
            ("**", "a:b", true),
            ("*:get-*", "catalog:get-entity", true),
            ("*:get-*", "catalog:query", false),
            ("catalog:g?t", "catalog:get", true),
            ("catalog:g?t", "catalog:gt", false),
            ("{catalog,scaffolder}:*", "scaffolder:execute", true),
            ("{catalog,scaffolder}:{get,list}*", "catalog:list-all", true),
            ("{catalog,scaffolder}:*", "rbac:execute", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-b-b-d", false),
        ] {
            assert_eq!(Glob::parse(pattern).unwrap().fits(text), expected, "{pattern} {text}");
        }
        for bad in ["", "[a-z]*", "!catalog:*", "a\\*", "{a", "a}", "{a,{b}}", &"x".repeat(300)] {
            assert!(Glob::parse(bad).is_err(), "{bad}");
        }
        assert!(!Glob::parse(&format!("{}b", "a*".repeat(60))).unwrap().fits(&"a".repeat(200)));
    }

    #[test]
    fn a_rule_asks_for_all_its_parts() {
        let actions = [
            action("catalog:get", Effect::Read),
            action("catalog:register", Effect::Change),
            action("scaffolder:run", Effect::Delete),
        ];
        let fit = |rule: Value| -> Vec<&str> {
            let rule = Rule::parse(&rule).unwrap();
            actions.iter().filter(|action| rule.fits(action)).map(|action| action.id.as_str()).collect()
        };
        assert_eq!(fit(json!("catalog:*")), ["catalog:get", "catalog:register"]);
        assert_eq!(fit(json!("plugin:scaffolder")), ["scaffolder:run"]);
        assert_eq!(fit(json!("effect:read")), ["catalog:get"]);
        assert_eq!(fit(json!({"plugin": "catalog", "effect": "change"})), ["catalog:register"]);
        assert_eq!(fit(json!({"permission": "scaffolder.thing"})), ["scaffolder:run"]);
        assert_eq!(fit(json!({"attributes": {"readOnly": true}})), ["catalog:get"]);
        assert_eq!(
            fit(json!({"attributes": {"destructive": false, "readOnly": false}})),
            ["catalog:register"]
        );
        assert_eq!(
            fit(json!({"id": "*", "attributes": {"idempotent": false}})),
            ["catalog:register", "scaffolder:run"]
        );
        assert_eq!(fit(json!({})).len(), 3);
    }

    #[test]
    fn what_is_excluded_is_not_shown_whatever_is_included() {
        let rules = |text: &str| vec![Rule::word(text).unwrap()];
        let filter = Filter { include: rules("catalog:*"), exclude: rules("effect:change") };
        assert!(filter.shows(&action("catalog:get", Effect::Read)));
        assert!(!filter.shows(&action("catalog:register", Effect::Change)));
        assert!(!filter.shows(&action("rbac:get", Effect::Read)));
        assert!(Filter::default().shows(&action("rbac:get", Effect::Read)));
    }

    #[test]
    fn a_rule_that_cannot_be_read_says_which_part() {
        for (bad, word) in [
            (json!(7), "no rule"),
            (json!("effect:destroy"), "effect"),
            (json!({"ids": "*"}), "ids"),
            (json!({"attributes": {"safe": true}}), "attributes"),
            (json!({"attributes": {"readOnly": true, "destructive": true}}), "nothing both"),
            (json!({"id": 3}), "id"),
        ] {
            assert!(Rule::parse(&bad).unwrap_err().contains(word), "{bad}");
        }
    }
}
