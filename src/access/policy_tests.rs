use super::*;
use crate::oauth::client::{AuthMethod, ClientKind, Metadata};
use crate::oauth::grant::Person;
use crate::oauth::resource::Resources;
use crate::secret::Digest;

const NOW: Time = Time::from_seconds(10_000);
const RESOURCE: &str = "https://mcp.example/mcp";

const WAYS: [GrantType; 6] = [
    GrantType::AuthorizationCode,
    GrantType::RefreshToken,
    GrantType::ClientCredentials,
    GrantType::DeviceCode,
    GrantType::TokenExchange,
    GrantType::JwtBearer,
];

fn client(ways: &[GrantType], confidential: bool) -> Client {
    let method = if confidential { AuthMethod::ClientSecretBasic } else { AuthMethod::None };
    let plain = Metadata::plain(vec![], ways.to_vec(), method);
    Client {
        id: "c1".into(),
        kind: ClientKind::PreRegistered,
        name: "C".into(),
        metadata: Metadata { scope: Some("catalog:read catalog:write openid".into()), ..plain },
        secret_digest: confidential.then(|| Digest::of("s")),
        document_hash: None,
        registered_at: NOW,
        suspended_at: None,
        revoked_at: None,
    }
}

fn grant(scope: &str) -> Grant {
    Grant {
        id: "g1".into(),
        client_id: "c1".into(),
        user_id: Some("u1".into()),
        person: Some(Person { id: "u1".into(), email: "u@example.com".into(), name: "U".into() }),
        scope: scope.parse().unwrap(),
        resource: RESOURCE.into(),
        authenticated_at: None,
        expires_at: NOW.plus_seconds(60),
        used_at: NOW,
        revoked_at: None,
    }
}

fn scopes(text: &str) -> ScopeSet {
    text.parse().unwrap()
}

fn resource(identifier: &str, scopes: &ScopeSet, baseline: &ScopeSet) -> Resource {
    Resource {
        identifier: identifier.into(),
        path: String::new(),
        title: String::new(),
        scopes: scopes.clone(),
        baseline: baseline.clone(),
    }
}

/// What is wrong, one thing at a time, and what every way that it concerns must say to it.
#[test]
fn the_whole_table() {
    let (all, baseline) = (scopes("catalog:read openid offline_access"), scopes("catalog:read"));
    let resources = Resources::new(vec![resource(RESOURCE, &all, &baseline)]);
    let offer = Offer { resources: &resources };
    let mut table = String::new();
    for wrong in [
        "nothing",
        "client suspended",
        "client revoked",
        "client denied",
        "public client",
        "grant type not registered",
        "person suspended",
        "grant revoked",
        "grant over",
        "unknown resource",
        "scope beyond the ceiling",
        "scope partly beyond",
    ] {
        for way in WAYS {
            let ways = if wrong == "grant type not registered" { vec![] } else { vec![way] };
            let mut client = client(&ways, wrong != "public client");
            client.suspended_at = (wrong == "client suspended").then_some(NOW);
            client.revoked_at = (wrong == "client revoked").then_some(NOW);
            let mut grant = grant("catalog:read");
            grant.revoked_at = (wrong == "grant revoked").then_some(NOW);
            grant.person = grant.person.filter(|_| wrong != "person suspended");
            if wrong == "grant over" {
                grant.expires_at = NOW;
            }
            let asked = match wrong {
                "scope beyond the ceiling" => scopes("rbac:write"),
                "scope partly beyond" => scopes("catalog:read rbac:write"),
                _ => scopes("catalog:read"),
            };
            let resource = if wrong == "unknown resource" { "https://other.example/" } else { RESOURCE };
            let behind = match way {
                GrantType::ClientCredentials => Behind::Itself,
                _ => Behind::Grant(&grant),
            };
            let denied = wrong == "client denied";
            let ask = Ask { client: &client, way, behind, scope: &asked, resource, offer, denied };
            let decided = decide(&ask, NOW).map_or_else(|why| format!("{why:?}"), |scope| scope.to_string());
            table += &format!("{wrong} | {} | {decided}\n", way.as_str().rsplit(':').next().unwrap());
        }
    }
    let concerns = |wrong: &str, way: GrantType| match wrong {
        "public client" => for_confidential_only(way),
        "person suspended" | "grant revoked" | "grant over" => way != GrantType::ClientCredentials,
        _ => true,
    };
    for line in table.lines() {
        let parts: Vec<&str> = line.split(" | ").collect();
        let way = WAYS.into_iter().find(|w| w.as_str().ends_with(parts[1])).unwrap();
        let expected = match parts[0] {
            wrong if !concerns(wrong, way) => "catalog:read",
            "nothing" | "scope partly beyond" => "catalog:read",
            "client suspended" | "client revoked" | "client denied" => "UnknownClient",
            "public client" => "PublicClient",
            "grant type not registered" => "GrantNotRegistered",
            "person suspended" => "UserInactive",
            "grant revoked" => "GrantRevoked",
            "grant over" => "Expired",
            "unknown resource" => "OtherResource",
            _ => "MoreScope",
        };
        assert_eq!(parts[2], expected, "{line}");
    }
    assert_eq!(table.lines().count(), 72);
}

#[test]
fn a_suspended_person_is_refused_who_is_here_and_who_is_vouched_for() {
    let (all, none) = (scopes("catalog:read"), ScopeSet::default());
    let resources = Resources::new(vec![resource(RESOURCE, &all, &none)]);
    let offer = Offer { resources: &resources };
    for way in WAYS {
        let client = client(&[way], true);
        let ask = |active| Ask {
            client: &client,
            way,
            behind: Behind::Person { active },
            scope: &all,
            resource: RESOURCE,
            offer,
            denied: false,
        };
        assert_eq!(decide(&ask(true), NOW), Ok(all.clone()), "{way:?}");
        assert_eq!(decide(&ask(false), NOW), Err(Refusal::UserInactive), "{way:?}");
    }
}

#[test]
fn whoever_was_allowed_to_stay_connected_may_refresh_and_nothing_else() {
    let all = scopes("catalog:read offline_access");
    let resources = Resources::new(vec![resource(RESOURCE, &all, &all)]);
    let offer = Offer { resources: &resources };
    let (client, grant) = (client(&[], true), grant("catalog:read offline_access"));
    for way in WAYS {
        let ask = Ask {
            client: &client,
            way,
            behind: Behind::Grant(&grant),
            scope: &all,
            resource: RESOURCE,
            offer,
            denied: false,
        };
        assert_eq!(decide(&ask, NOW).is_ok(), way == GrantType::RefreshToken, "{way:?}");
    }
}

#[test]
fn a_program_never_has_a_persons_identity() {
    let all = scopes("catalog:read catalog:write openid email");
    let at = resource(RESOURCE, &all, &all);
    assert_eq!(own_ceiling(&client(&[], true), &at), scopes("catalog:read catalog:write"));
}
