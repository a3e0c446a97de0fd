//! A browser without script over the in-process router: cookies, redirects, forms.

use std::collections::BTreeMap;

use axum::body::Body;
use http::{HeaderMap, Request, Response, StatusCode, header};

use super::World;
use super::world::text;

/// Where a world's server is.
pub const ORIGIN: &str = "http://localhost:8787";

/// One person's browser.
#[derive(Clone, Default)]
pub struct Browser {
    /// What it was given.
    pub cookies: BTreeMap<String, String>,
}

/// What a browser shows: the last answer of a chain of redirects.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The status of the last answer.
    pub status: StatusCode,
    /// Where that was: a path of ours, or the whole URL of another site, which was not fetched.
    pub at: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub text: String,
}

impl Browser {
    /// Opens `path` and follows redirects as long as they stay here.
    pub async fn open(&mut self, world: &World, path: &str) -> Seen {
        let first = self.send(world, "GET", path, None, &[]).await;
        self.follow(world, path, first).await
    }

    /// Fills in the form of `page` whose action contains `action` and submits it, with `fields` instead of or beside its
    /// hidden ones.
    pub async fn submit(
        &mut self,
        world: &World,
        page: &Seen,
        action: &str,
        fields: &[(&str, &str)],
    ) -> Seen {
        let (path, mut all) = page.form(action);
        for (name, value) in fields {
            all.retain(|(known, _)| known != name);
            all.push(((*name).to_owned(), (*value).to_owned()));
        }
        let answer =
            self.post(world, &path, &all, &[("origin", ORIGIN), ("sec-fetch-site", "same-origin")]).await;
        self.follow(world, &path, answer).await
    }

    /// Posts `fields` with these headers and follows nothing.
    pub async fn post(
        &mut self,
        world: &World,
        path: &str,
        fields: &[(String, String)],
        headers: &[(&str, &str)],
    ) -> Response<Body> {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.send(world, "POST", path, Some(body), headers).await
    }

    /// Looks at `path` with HEAD and follows nothing.
    pub async fn head(&mut self, world: &World, path: &str) -> Response<Body> {
        self.send(world, "HEAD", path, None, &[]).await
    }

    async fn send(
        &mut self,
        world: &World,
        method: &str,
        path: &str,
        body: Option<String>,
        headers: &[(&str, &str)],
    ) -> Response<Body> {
        let mut request = Request::builder().method(method).uri(path).header("accept", "text/html,*/*;q=0.8");
        if body.is_some() {
            request = request.header("content-type", "application/x-www-form-urlencoded");
        }
        if !self.cookies.is_empty() {
            let all: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header("cookie", all.join("; "));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.map_or_else(Body::empty, Body::from)).unwrap();
        let response = world.send(request).await;
        for cookie in response.headers().get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            assert!(
                cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && cookie.contains("Path=/"),
                "{cookie}"
            );
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        response
    }

    async fn follow(&mut self, world: &World, from: &str, first: Response<Body>) -> Seen {
        let (mut response, mut at) = (first, from.to_owned());
        for _ in 0..8 {
            let Some(next) = response.headers().get(header::LOCATION).map(|l| l.to_str().unwrap().to_owned())
            else {
                break;
            };
            assert_eq!(response.status(), StatusCode::SEE_OTHER);
            at = next.strip_prefix(ORIGIN).map_or(next.clone(), str::to_owned);
            if !at.starts_with('/') {
                break;
            }
            response = self.send(world, "GET", &at, None, &[]).await;
        }
        let (status, headers) = (response.status(), response.headers().clone());
        Seen { status, at, headers, text: text(response).await }
    }
}

impl Seen {
    /// Action, hidden fields and ticked boxes of the form whose action contains `action`.
    pub fn form(&self, action: &str) -> (String, Vec<(String, String)>) {
        let mut forms = self.text.split("<form").skip(1).map(|rest| rest.split("</form>").next().unwrap());
        let form = forms
            .find(|form| attribute(form, "action").is_some_and(|found| found.contains(action)))
            .unwrap_or_else(|| panic!("no form for {action} at {}: {}", self.at, self.text));
        let inputs = form.split("<input").skip(1).filter_map(|input| input.split('>').next());
        let sent = inputs.filter(|input| {
            let is_ticked = input.contains("type=\"checkbox\"") && input.ends_with(" checked");
            input.contains("type=\"hidden\"") || is_ticked
        });
        let fields = sent.map(|i| (attribute(i, "name").unwrap(), attribute(i, "value").unwrap())).collect();
        (attribute(form, "action").unwrap(), fields)
    }

    /// A parameter of the URL that the browser was sent to.
    pub fn parameter(&self, name: &str) -> Option<String> {
        let url =
            url::Url::parse(&self.at).unwrap_or_else(|_| panic!("not sent away: {} {}", self.at, self.text));
        let mut found = url.query_pairs().filter(|(known, _)| known == name);
        let value = found.next().map(|(_, value)| value.into_owned());
        assert!(found.next().is_none(), "{name} twice in {}", self.at);
        value
    }

    /// Whether this is the consent page.
    pub fn asks(&self) -> bool {
        self.status == StatusCode::OK && self.text.contains("value=\"allow\"")
    }

    /// Whether this is the sign-in page.
    pub fn wants_sign_in(&self) -> bool {
        self.text.contains("name=\"password\"")
    }
}

fn attribute(html: &str, name: &str) -> Option<String> {
    let tag = html.split('>').next()?;
    let value = tag.split(&format!(" {name}=\"")).nth(1)?.split('"').next()?;
    Some(value.replace("&#38;", "&").replace("&#39;", "'").replace("&#34;", "\"").replace("&amp;", "&"))
}
