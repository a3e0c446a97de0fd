//! Pages of a list. A cursor names the last thing that was shown, so that a list that changes in between is read on
//! from the same place; to a client it is opaque.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use rmcp::ErrorData;
use rmcp::model::PaginatedRequestParams;

use super::invalid;
use crate::limits;

const MARK: &str = "1:";

/// What comes after this is asked for; `None` from the start.
///
/// # Errors
/// `-32602` for a cursor that is not ours.
pub fn after(request: Option<PaginatedRequestParams>) -> Result<Option<String>, ErrorData> {
    let Some(cursor) = request.and_then(|page| page.cursor) else { return Ok(None) };
    let not_ours = || invalid("unknown cursor: take nextCursor as it came");
    if cursor.len() > limits::MCP_RESOURCE_URI_BYTES_MAX {
        return Err(not_ours());
    }
    let bytes = BASE64URL.decode(&cursor).map_err(|_| not_ours())?;
    let text = String::from_utf8(bytes).map_err(|_| not_ours())?;
    text.strip_prefix(MARK).map(|last| Some(last.to_owned())).ok_or_else(not_ours)
}

/// The cursor of whatever comes after `last`.
pub fn cursor(last: &str) -> String {
    BASE64URL.encode(format!("{MARK}{last}"))
}

/// The items of one page, out of `sorted` ones with the names that `name` gives, and the cursor of the next.
pub fn cut<T>(sorted: Vec<T>, after: Option<&str>, name: impl Fn(&T) -> &str) -> (Vec<T>, Option<String>) {
    let mut rest: Vec<T> =
        sorted.into_iter().filter(|item| after.is_none_or(|after| name(item) > after)).collect();
    if rest.len() <= limits::MCP_PAGE_ITEMS {
        return (rest, None);
    }
    rest.truncate(limits::MCP_PAGE_ITEMS);
    let next = rest.last().map(|last| cursor(name(last)));
    (rest, next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(cursor: &str) -> Result<Option<String>, ErrorData> {
        let mut page = PaginatedRequestParams::default();
        page.cursor = Some(cursor.to_owned());
        after(Some(page))
    }

    #[test]
    fn a_cursor_is_ours_or_an_error() {
        assert_eq!(asked(&cursor("api:default/ä")).unwrap().as_deref(), Some("api:default/ä"));
        assert_eq!(after(None).unwrap(), None);
        for other in ["", "x", "%", "MQ", &"A".repeat(9_999), &BASE64URL.encode([0xff])] {
            assert_eq!(asked(other).unwrap_err().code.0, -32602, "{other}");
        }
    }

    #[test]
    fn pages_show_each_item_once() {
        let all: Vec<String> = (0..250).map(|n| format!("{n:03}")).collect();
        let (mut seen, mut at) = (Vec::new(), None);
        loop {
            let (page, next) = cut(all.clone(), at.as_deref(), |item| item);
            seen.extend(page);
            let Some(next) = next else { break };
            at = asked(&next).unwrap();
        }
        assert_eq!(seen, all);
    }
}
