//! Which described clients are welcome: the operator's rules over the URL that is their client_id.
//!
//! Compared component by component and never as text or by a regular expression: `evil-example.com` ends in
//! `example.com`, and a dot in an expression matches anything (attack A08). An allow rule is read narrowly, a deny rule
//! widely, and deny wins.

mod pattern;

use std::fmt;

use url::Url;

use super::scope::ScopeSet;
pub use pattern::{Pattern, PatternFault};

/// What happens to a described client that no rule names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Nothing of the kind is accepted, whatever the rules say.
    Off,
    /// It is refused.
    AllowList,
    /// It waits until an administrator says yes.
    Ask,
    /// It is welcome, with the scopes that strangers may have.
    Open,
}

impl Mode {
    /// Every mode, strictest first.
    pub const ALL: [Self; 4] = [Self::Off, Self::AllowList, Self::Ask, Self::Open];

    /// As the configuration says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::AllowList => "allow-list",
            Self::Ask => "ask",
            Self::Open => "open",
        }
    }

    /// From the configuration.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == text)
    }
}

/// Where real clients publish their documents. What the configuration lists is added to these: an operator who allows
/// one more client does not lock out the others.
pub const PRESETS: [(&str, &[&str]); 5] = [
    (
        "vscode",
        &[
            "https://vscode.dev/oauth/client-metadata.json",
            "https://insiders.vscode.dev/oauth/client-metadata.json",
        ],
    ),
    ("copilot-cli", &["https://github.com/copilot/cli/client-metadata.json"]),
    ("claude", &["https://claude.ai/*"]),
    ("codex", &["https://chatgpt.com/oauth/codex/*/client.json"]),
    ("cursor", &["https://cursor.com/*", "https://www.cursor.com/*"]),
];

/// Where an allow rule comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// One of [`PRESETS`].
    Preset(&'static str),
    /// `clients.allow`.
    Configured,
}

/// The operator's rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    mode: Mode,
    allow: Vec<(Pattern, Source)>,
    deny: Vec<Pattern>,
}

/// A rule that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyFault {
    /// In a list of patterns.
    #[error("`{0}` {1}")]
    Pattern(String, PatternFault),
    /// No such preset.
    #[error("`{0}` is not one of vscode, copilot-cli, claude, codex, cursor, none")]
    Preset(String),
}

impl Policy {
    /// From what the configuration lists.
    ///
    /// # Errors
    /// [`PolicyFault`].
    pub fn new(
        mode: Mode,
        presets: &[String],
        allow: &[String],
        deny: &[String],
    ) -> Result<Self, PolicyFault> {
        let parse = |text: &str| Pattern::parse(text).map_err(|f| PolicyFault::Pattern(text.to_owned(), f));
        let mut rules = Vec::new();
        for text in allow {
            rules.push((parse(text)?, Source::Configured));
        }
        for wanted in presets.iter().filter(|wanted| *wanted != "none") {
            let known = PRESETS.iter().find(|(name, _)| name == wanted);
            let (name, patterns) = known.ok_or_else(|| PolicyFault::Preset(wanted.clone()))?;
            for text in *patterns {
                rules.push((parse(text)?, Source::Preset(name)));
            }
        }
        let deny = deny.iter().map(|text| parse(text)).collect::<Result<_, _>>()?;
        Ok(Self { mode, allow: rules, deny })
    }

    /// What happens to clients that no rule names.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Whether any described client can come at all; what metadata says.
    pub fn is_on(&self) -> bool {
        self.mode != Mode::Off
    }

    /// Judges a client_id that is a document's URL. `said` is what an administrator said of it, if anything.
    pub fn judge(&self, client_id: &str, said: Option<Ruling>) -> Judgement<'_> {
        let verdict = |standing, because| Judgement { standing, because };
        let Ok(url) = Url::parse(client_id) else { return verdict(Standing::Refused, Because::NoUrl) };
        if self.mode == Mode::Off {
            return verdict(Standing::Refused, Because::Off);
        }
        if let Some(rule) = self.deny.iter().find(|rule| rule.denies(&url)) {
            return verdict(Standing::Refused, Because::Denied(rule));
        }
        match said {
            Some(Ruling::Refused) => return verdict(Standing::Refused, Because::Said(Ruling::Refused)),
            Some(Ruling::Approved) => {
                return verdict(Standing::Welcome(Tier::Known), Because::Said(Ruling::Approved));
            }
            None => {}
        }
        if let Some((rule, source)) = self.allow.iter().find(|(rule, _)| rule.allows(&url)) {
            return verdict(Standing::Welcome(Tier::Known), Because::Allowed(rule, *source));
        }
        match self.mode {
            Mode::Off | Mode::AllowList => {
                verdict(Standing::Refused, Because::Unlisted { empty: self.allow.is_empty() })
            }
            Mode::Ask => verdict(Standing::Waits, Because::NoRule(self.mode)),
            Mode::Open => verdict(Standing::Welcome(Tier::Unknown), Because::NoRule(self.mode)),
        }
    }
}

/// What an administrator said of one client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// Yes.
    Approved,
    /// No.
    Refused,
}

impl Ruling {
    /// As a column holds it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Refused => "refused",
        }
    }

    /// From a column.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Approved, Self::Refused].into_iter().find(|ruling| ruling.as_str() == text)
    }
}

/// How far a client is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// Somebody here vouches for it: an administrator, or a rule of the operator's.
    Known,
    /// Nobody does; its scopes have a ceiling.
    Unknown,
}

/// Whether a client may begin anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Yes.
    Welcome(Tier),
    /// Not before an administrator says so.
    Waits,
    /// No.
    Refused,
}

impl Standing {
    /// The most it may ask for, out of what exists: everything for a known client, `strangers` for an unknown one.
    #[must_use]
    pub fn ceiling(self, scopes: &ScopeSet, strangers: &ScopeSet) -> ScopeSet {
        match self {
            Self::Welcome(Tier::Known) => scopes.clone(),
            // Once an administrator says yes it is known; until then it gets nothing whatever it asks for.
            Self::Waits => scopes.clone(),
            Self::Welcome(Tier::Unknown) => scopes.intersection(strangers),
            Self::Refused => ScopeSet::default(),
        }
    }
}

/// A standing and the rule that it follows from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement<'a> {
    /// The standing.
    pub standing: Standing,
    /// The rule.
    pub because: Because<'a>,
}

/// Which rule decided. A sentence for an administrator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Because<'a> {
    /// It is no URL.
    NoUrl,
    /// `clients.described` is off.
    Off,
    /// A deny rule matches.
    Denied(&'a Pattern),
    /// An administrator said so.
    Said(Ruling),
    /// An allow rule matches.
    Allowed(&'a Pattern, Source),
    /// No allow rule matches, and only listed clients may come.
    Unlisted {
        /// Whether nothing is listed at all.
        empty: bool,
    },
    /// No rule matches, and this is what then happens.
    NoRule(Mode),
}

impl fmt::Display for Because<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoUrl => f.write_str("it is not a URL"),
            Self::Off => f.write_str("clients.described is off"),
            Self::Denied(rule) => write!(f, "clients.deny has {}", rule.as_str()),
            Self::Said(Ruling::Approved) => f.write_str("an administrator approved it"),
            Self::Said(Ruling::Refused) => f.write_str("an administrator refused it"),
            Self::Allowed(rule, Source::Configured) => write!(f, "clients.allow has {}", rule.as_str()),
            Self::Allowed(rule, Source::Preset(name)) => write!(f, "preset {name} has {}", rule.as_str()),
            Self::Unlisted { empty: true } => {
                f.write_str("clients.described is allow-list, and the list is empty, which blocks all")
            }
            Self::Unlisted { empty: false } => {
                f.write_str("clients.described is allow-list, and no rule of clients.allow matches")
            }
            Self::NoRule(mode) => {
                write!(f, "no rule matches, and clients.described is {}", mode.as_str())
            }
        }
    }
}

#[cfg(test)]
mod tests;
