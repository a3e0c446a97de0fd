//! What became of the catalog between two moments.

use std::cmp::Ordering;
use std::sync::Arc;

use super::index::Index;
use super::relation::Ref;

/// The entities that came, went, or say something else now, in order of reference. Both indices are in that order, so
/// it is one walk over the two.
pub fn changed(before: &Index, after: &Index) -> Vec<Ref> {
    let (old, new) = (before.references(), after.references());
    let (mut at_old, mut at_new, mut changed) = (0, 0, Vec::new());
    loop {
        let order = match (old.get(at_old), new.get(at_new)) {
            (None, None) => return changed,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(old), Some(new)) => old.cmp(new),
        };
        match order {
            Ordering::Less => {
                changed.push(old[at_old].clone());
                at_old += 1;
            }
            Ordering::Greater => {
                changed.push(new[at_new].clone());
                at_new += 1;
            }
            Ordering::Equal => {
                let (was, is) = (&before.entities()[at_old], &after.entities()[at_new]);
                if !Arc::ptr_eq(was, is) && was != is {
                    changed.push(new[at_new].clone());
                }
                at_old += 1;
                at_new += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;

    fn index(systems: &[(&str, &str)]) -> Arc<Index> {
        let folder = tempfile::tempdir().unwrap();
        let one = |(name, title): &(&str, &str)| {
            format!(
                "apiVersion: backstage.io/v1alpha1\nkind: System\nmetadata: {{name: {name}, title: {title}}}\nspec: {{owner: user:a}}\n"
            )
        };
        let text = systems.iter().map(one).collect::<Vec<_>>().join("---\n");
        std::fs::write(folder.path().join("catalog-info.yaml"), text).unwrap();
        Catalog::open(&[folder.path().to_owned()], false).0.index()
    }

    #[test]
    fn what_came_went_or_changed_is_found_and_nothing_else() {
        let before = index(&[("a", "A"), ("c", "C"), ("d", "D")]);
        let after = index(&[("a", "A"), ("b", "B"), ("d", "Other")]);
        let names = |changed: Vec<Ref>| changed.iter().map(|r| r.name().to_owned()).collect::<Vec<_>>();
        assert_eq!(names(changed(&before, &after)), ["b", "c", "d"]);
        assert_eq!(names(changed(&after, &before)), ["b", "c", "d"]);
        assert!(
            changed(&after, &after).is_empty()
                && changed(&before, &index(&[("a", "A"), ("c", "C"), ("d", "D")])).is_empty()
        );
        assert_eq!(changed(&Index::default(), &before).len(), 3);
    }
}
