//! Streams and what their callers may do: a stream lives longer than a policy may.

use std::sync::Arc;

use super::{Open, Streams};
use crate::actions::Caller;

impl Streams {
    /// Tells whoever may do other things than before that their lists may be others, and nobody else. It is not remembered:
    /// whoever comes back under a policy asks for all they follow.
    pub fn turn_rights(&self) {
        let inner = self.lock();
        for open in inner.speaking() {
            let rights = self.current(open).rights.clone();
            open.change(|state| {
                let is_same = match (&state.rights, &rights) {
                    (None, None) => true,
                    (Some(before), Some(now)) => before.same_as(now),
                    _ => false,
                };
                state.rights = rights;
                let before = state.changed.len();
                if !is_same {
                    state.changed.extend(state.wants.lists.iter().cloned());
                }
                state.changed.len() > before
            });
        }
    }

    /// The caller of a stream, with what the policy says of them now: a stream lives longer than a policy may.
    pub(super) fn current(&self, open: &Open) -> Arc<Caller> {
        let caller = &open.verified.caller;
        match self.authority.fresh_rights(caller) {
            None => Arc::clone(caller),
            Some(rights) => Arc::new(Caller { rights, ..Caller::clone(caller) }),
        }
    }
}
