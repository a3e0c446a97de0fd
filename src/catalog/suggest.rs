//! "Did you mean …": what was probably meant by a name that is not there.

use super::index::Index;
use crate::limits;

/// At most three references that `name` may have been meant for, best first, as text to append to an error:
/// empty, or ` Did you mean component:default/arrivals-service?`.
///
/// `fits` says which references the caller would have accepted; others are not suggested.
pub fn did_you_mean(index: &Index, name: &str, fits: impl Fn(&str) -> bool) -> String {
    let name = name.to_lowercase();
    let name = name.rsplit(['/', ':']).next().unwrap_or(&name);
    let mut near: Vec<(f64, &str)> = Vec::new();
    let alike = index.names().filter(|known| is_worth_comparing(known, name));
    for known in alike.take(limits::SUGGESTION_NAMES_MAX) {
        let score = match known.contains(name) || name.contains(known) {
            true => 0.9,
            false => strsim::jaro_winkler(known, name),
        };
        if score > 0.84 {
            near.push((score, known));
        }
    }
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    let references =
        near.iter().flat_map(|(_, known)| index.named(known)).map(|&at| index.reference(at).as_str());
    let best: Vec<_> = references.filter(|reference| fits(reference)).take(3).collect();
    match best.as_slice() {
        [] => String::new(),
        [one] => format!(" Did you mean {one}?"),
        [rest @ .., last] => format!(" Did you mean {} or {last}?", rest.join(", ")),
    }
}

/// Cheap before dear: a similar name begins alike or has the other inside it.
fn is_worth_comparing(known: &str, name: &str) -> bool {
    let short = known.len().min(name.len()) >= 3;
    let begins_alike =
        known.as_bytes().first() == name.as_bytes().first() && known.len().abs_diff(name.len()) <= 8;
    begins_alike || (short && (known.contains(name) || name.contains(known)))
}

#[cfg(test)]
mod tests {
    use super::super::Catalog;
    use super::*;

    #[test]
    fn a_slip_of_the_finger_and_half_a_name_are_understood() {
        let index = Catalog::sample().index();
        let mean = |name: &str| did_you_mean(&index, name, |_| true);
        assert_eq!(mean("arivals-service"), " Did you mean component:default/arrivals-service?");
        assert!(mean("component:default/lane-planer").contains("component:default/lane-planner"));
        assert_eq!(
            mean("crossing-event"),
            " Did you mean api:default/crossing-events, resource:default/crossing-events or api:default/crossing-status?"
        );
        assert!(mean("manifest-servce").contains("component:default/manifest-service"));
        assert_eq!(mean("zzzzzz"), "");
        assert_eq!(mean(""), "");
        assert_eq!(did_you_mean(&index, "arivals-service", |r| r.starts_with("user:")), "");
    }
}
