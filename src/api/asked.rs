//! A request as Backstage's REST API writes it: parameters that may be repeated, lists with commas, a JSON body.

use serde_json::Value;

use crate::actions::ActionError;
use crate::catalog::cursor::{Direction, FullText, OrderField, Question};
use crate::catalog::query::{Asked as Query, Query as Compiled};
use crate::limits;

/// What was asked.
#[derive(Debug)]
pub struct Asked {
    /// The parameters of the URL, in order.
    pub parameters: Vec<(String, String)>,
    /// The body; an empty object where there is none.
    pub body: Value,
    /// Whether whoever asks may read everything, whatever there may be.
    pub sees_all: bool,
}

impl Asked {
    /// Every value of a parameter.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.parameters.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The items of a parameter that is a list with commas and may be repeated.
    pub fn list(&self, name: &str) -> Vec<String> {
        let items = self.all(name).flat_map(|value| value.split(','));
        items.map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
    }

    /// A whole number.
    ///
    /// # Errors
    /// [`ActionError::InvalidInput`], where it is none.
    pub fn number(&self, name: &str) -> Result<Option<usize>, ActionError> {
        let of_url = self.all(name).next().map(|text| text.parse().ok());
        let of_body = || match &self.body[name] {
            Value::Null => None,
            number => Some(number.as_u64().and_then(|number| usize::try_from(number).ok())),
        };
        match of_url.or_else(of_body) {
            None => Ok(None),
            Some(Some(number)) => Ok(Some(number)),
            Some(None) => Err(invalid(format!("Invalid {name}, not a number of entities"))),
        }
    }

    /// The texts of a member of the body that is a list.
    ///
    /// # Errors
    /// [`ActionError::InvalidInput`], where it is something else.
    pub fn texts(&self, name: &str) -> Result<Vec<String>, ActionError> {
        let wrong = || invalid(format!("Malformed request, {name} must be a list of strings"));
        match &self.body[name] {
            Value::Null => Ok(Vec::new()),
            Value::Array(items) => {
                items.iter().map(|item| item.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
            }
            _ => Err(wrong()),
        }
    }

    /// The question of `filter`, `query`, `orderField` or `orderBy`, and full text.
    ///
    /// # Errors
    /// [`ActionError::InvalidInput`], where a part cannot be read.
    pub fn question(&self) -> Result<Question, ActionError> {
        let mut order_fields = Vec::new();
        for text in self.all("orderField") {
            let (field, order) = text.split_once(',').unwrap_or((text, "asc"));
            order_fields.push(order_field(field, order)?);
        }
        // The older list writes it the other way round.
        for text in self.all("order") {
            let (order, field) = text.split_once(':').ok_or_else(|| {
                invalid(format!(
                    "Invalid order parameter \"{}\", expected <asc or desc>:<field name>",
                    short(text)
                ))
            })?;
            order_fields.push(order_field(field, order)?);
        }
        for item in self.body["orderBy"].as_array().into_iter().flatten() {
            let text = |key: &str| item[key].as_str().unwrap_or_default();
            order_fields.push(order_field(text("field"), text("order"))?);
        }
        let term = self.all("fullTextFilterTerm").next();
        let full_text = &self.body["fullTextFilter"];
        let full_text_filter = match (term, full_text["term"].as_str()) {
            (Some(term), _) => {
                Some(FullText { term: term.to_owned(), fields: self.list("fullTextFilterFields") })
            }
            (None, Some(term)) => {
                let fields = full_text["fields"].as_array().into_iter().flatten();
                let fields = fields.filter_map(|field| field.as_str().map(str::to_owned)).collect();
                Some(FullText { term: term.to_owned(), fields })
            }
            (None, None) => None,
        };
        let query = Some(self.body["query"].clone()).filter(|query| !query.is_null());
        let filters = self.all("filter").map(str::to_owned).collect();
        Ok(Question { query, filters, order_fields, full_text_filter })
    }

    /// The fields of entities to answer with.
    ///
    /// # Errors
    /// [`ActionError::InvalidInput`], where they are no list.
    pub fn fields(&self) -> Result<Vec<String>, ActionError> {
        let mut fields = self.list("fields");
        fields.extend(self.texts("fields")?);
        if fields.len() > limits::QUERY_FIELDS_MAX {
            return Err(invalid(format!("fields has more than {} entries", limits::QUERY_FIELDS_MAX)));
        }
        Ok(fields)
    }

    /// The page that is asked for, of at most `most` entities and `usual` where nothing is said.
    ///
    /// # Errors
    /// [`ActionError::InvalidInput`], where a part cannot be used.
    pub fn page(&self, cursor: &str, usual: usize, most: usize) -> Result<Compiled, ActionError> {
        let cursor = self.all(cursor).next().or_else(|| self.body[cursor].as_str());
        let limit = self.number("limit")?.unwrap_or(usual);
        if limit == 0 {
            return Err(invalid("Invalid limit, must be greater than zero".to_owned()));
        }
        let query = Query {
            question: self.question()?,
            cursor: cursor.map(str::to_owned),
            fields: self.fields()?,
            limit: limit.min(most),
            offset: self.number("offset")?.unwrap_or(0),
        };
        Compiled::of(query).map_err(invalid)
    }
}

fn order_field(field: &str, order: &str) -> Result<OrderField, ActionError> {
    let order = match order {
        "asc" => Direction::Asc,
        "desc" => Direction::Desc,
        other => {
            let other = short(other);
            return Err(invalid(format!("Invalid order field order \"{other}\", must be asc or desc")));
        }
    };
    if field.is_empty() {
        return Err(invalid("Invalid order field, its name is empty".to_owned()));
    }
    Ok(OrderField { field: field.to_owned(), order })
}

fn short(text: &str) -> String {
    text.chars().take(120).collect()
}

/// The refusal of what cannot be used.
pub fn invalid(why: String) -> ActionError {
    ActionError::InvalidInput(why)
}
