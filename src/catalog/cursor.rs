//! The cursor: where a page ended, and the question it belongs to, as opaque text.
//!
//! It names its place by values and a reference, not by a number, so that it keeps its meaning when the
//! catalog changes between two pages. It grants nothing that asking anew would not, so it is not signed; what
//! comes back is read as carefully as any other argument.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::limits;

/// A place in the answer to a question.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Cursor {
    /// The form of this text; another is from another version of the server.
    pub version: u8,
    /// The question, as it was given.
    pub question: Question,
    /// The fields that were asked for, so that the next page looks like this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
    /// The value of the last entity in each sorted field; `None` where it has none.
    pub values: Vec<Option<String>>,
    /// The rank of the last entity in full-text order.
    pub rank: Option<u32>,
    /// The reference of the last entity.
    pub reference: String,
}

/// What decides which entities are answered, and in which order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Question {
    /// The predicate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<Value>,
    /// The `filter` parameters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<String>,
    /// What to sort by, first things first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub order_fields: Vec<OrderField>,
    /// What to search for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_text_filter: Option<FullText>,
}

/// A field to sort by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderField {
    /// A dotted path.
    pub field: String,
    /// Which way.
    pub order: Direction,
}

/// Which way to sort.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Rising.
    Asc,
    /// Falling. Entities without the field come last in both.
    Desc,
}

/// What to search for, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FullText {
    /// The words.
    pub term: String,
    /// The fields; none stands for the usual ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
}

/// The form that this server writes.
pub const VERSION: u8 = 1;

impl Cursor {
    /// The text that a client is given.
    pub fn encode(&self) -> String {
        BASE64URL.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    /// Reads what a client gives back.
    ///
    /// # Errors
    /// A sentence that says what to do instead.
    pub fn decode(text: &str) -> Result<Self, String> {
        let malformed = || {
            "cursor is not one of this server: give back nextPageCursor exactly as it was received, or leave \
             cursor out to begin again"
                .to_owned()
        };
        if text.len() > limits::CURSOR_BYTES_MAX {
            return Err(malformed());
        }
        let bytes = BASE64URL.decode(text.trim_end_matches('=')).map_err(|_| malformed())?;
        let cursor: Self = serde_json::from_slice(&bytes).map_err(|_| malformed())?;
        let fits = cursor.version == VERSION && cursor.values.len() == cursor.question.order_fields.len();
        if fits { Ok(cursor) } else { Err(malformed()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_it_went_and_anything_else_is_refused() {
        let cursor = Cursor {
            version: VERSION,
            question: Question { query: Some(serde_json::json!({"kind": "a"})), ..Question::default() },
            fields: vec!["kind".to_owned()],
            values: vec![],
            rank: Some(3),
            reference: "a:b/c".to_owned(),
        };
        assert_eq!(Cursor::decode(&cursor.encode()).unwrap(), cursor);
        let other = |json: &str| BASE64URL.encode(json);
        for bad in [
            "",
            "!!",
            "e30",
            &other("[]"),
            &other(r#"{"version":2,"question":{},"values":[],"rank":null,"reference":""}"#),
            &other(r#"{"version":1,"question":{},"values":["a"],"rank":null,"reference":""}"#),
            &other(r#"{"version":1,"question":{"more":1},"values":[],"rank":null,"reference":""}"#),
            &"A".repeat(70_000),
        ] {
            assert!(Cursor::decode(bad).unwrap_err().starts_with("cursor is not one of this server"));
        }
    }
}
