//! The body of a token request, and the query of an authorization request: each parameter once (attack B03).
#![no_main]

use libfuzzer_sys::fuzz_target;
use postern::oauth::request::RawRequest;
use postern::web::form::Form;

fuzz_target!(|body: &[u8]| {
    let names = ["grant_type", "client_id", "client_secret", "code", "redirect_uri", "scope", "state"];
    if let Ok(form) = Form::parse(body) {
        for name in names {
            let given = url::form_urlencoded::parse(body).filter(|(known, _)| known == name).count();
            assert!(given <= 1, "{name} is there {given} times");
            assert!(form.get(name).is_none_or(|value| !value.is_empty() && !value.contains(char::is_control)));
        }
    }
    if let Ok(text) = std::str::from_utf8(body)
        && let Ok(raw) = RawRequest::parse(text)
        && let Ok(id) = raw.client_id()
    {
        assert!(!id.is_empty());
    }
});
