//! RFC 7636, proof key for code exchange.

use crate::support::token::{CHALLENGE, VERIFIER, code, post, redemption, seed};

on_both_engines! {
    /// "If the values are not equal, an error response indicating invalid_grant MUST be returned" (section 4.6); "plain" is
    /// not supported, so a challenge does not answer itself.
    async fn only_the_verifier_that_made_the_challenge_redeems(world) {
        seed(&world).await;
        let (code, _) = code(&world, "app", "catalog:read").await;
        for (verifier, expected) in [
            (CHALLENGE, (400, "invalid_grant")),
            (&VERIFIER.to_lowercase(), (400, "invalid_grant")),
            (&VERIFIER[1..], (400, "invalid_request")),
            (&"a".repeat(129), (400, "invalid_request")),
            (&format!("{VERIFIER}="), (400, "invalid_request")),
            (VERIFIER, (200, "")),
        ] {
            let mut fields = redemption(&code);
            fields[3].1 = verifier;
            assert_eq!(post(&world, "/token", &fields).await.error(), expected, "{verifier}");
        }
    }
}
