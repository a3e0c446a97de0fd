//! A question to the index and its answer, a page at a time.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use super::cursor::{Cursor, Direction, FullText, OrderField, Question, VERSION};
use super::index::Index;
use super::predicate::Predicate;
use super::set::Set;
use super::text::Text;
use super::{filter, project};
use crate::limits;

/// A question.
#[derive(Debug)]
pub struct Query {
    question: Question,
    predicate: Predicate,
    text: Option<Text>,
    after: Option<Cursor>,
    fields: Vec<String>,
    limit: usize,
    offset: usize,
}

/// A question in parts, from a form of it that is not arguments of an action.
#[derive(Debug, Default)]
pub struct Asked {
    /// The question; ignored with a cursor, which has one.
    pub question: Question,
    /// Where the page before ended.
    pub cursor: Option<String>,
    /// The parts of entities to answer with; with a cursor, its own where there are none.
    pub fields: Vec<String>,
    /// How many entities.
    pub limit: usize,
    /// How many to pass over; ignored with a cursor.
    pub offset: usize,
}

/// A page of its answer.
#[derive(Debug)]
pub struct Page {
    /// The entities, or the parts of them that were asked for.
    pub items: Vec<Value>,
    /// How many the whole answer has.
    pub total: usize,
    /// What to give back to read on; `None` on the last page.
    pub next: Option<String>,
}

/// Where the entities of a page are.
#[derive(Debug)]
pub struct Found {
    /// Their positions, in order.
    pub positions: Vec<u32>,
    /// See [`Page::total`].
    pub total: usize,
    /// See [`Page::next`].
    pub next: Option<String>,
}

impl Query {
    /// Reads the arguments of `catalog:query-catalog-entities`. With a cursor, what was asked is the
    /// cursor's; only `limit` and `fields` are read from the arguments then, and `fields` may be left out too.
    ///
    /// # Errors
    /// A sentence for the model.
    pub fn from_arguments(arguments: &Value) -> Result<Self, String> {
        let after = match arguments.get("cursor") {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(Cursor::decode(text)?),
            Some(_) => return Err("cursor must be a string".to_owned()),
        };
        let question = match &after {
            Some(cursor) => cursor.question.clone(),
            None => question(arguments)?,
        };
        let mut query = Self::new(question)?;
        query.offset = match after {
            Some(_) => 0,
            None => number(arguments, "offset", 0)?.unwrap_or(0),
        };
        query.fields = strings(arguments, "fields")?;
        if let Some(cursor) = &after
            && query.fields.is_empty()
        {
            query.fields.clone_from(&cursor.fields);
        }
        query.after = after;
        // More than the most is answered with the most: a client written for another limit still works.
        query.limit = number(arguments, "limit", 1)?
            .map_or(limits::ENTITIES_PAGE, |n| n.min(limits::ENTITIES_PAGE_MAX));
        Ok(query)
    }

    /// A question for one page.
    ///
    /// # Errors
    /// A sentence, where a part of it cannot be used.
    pub fn of(asked: Asked) -> Result<Self, String> {
        let after = asked.cursor.as_deref().map(Cursor::decode).transpose()?;
        let mut query = match &after {
            Some(cursor) => Self::new(cursor.question.clone())?,
            None => Self::new(asked.question)?,
        };
        query.offset = if after.is_some() { 0 } else { asked.offset };
        query.fields = match &after {
            Some(cursor) if asked.fields.is_empty() => cursor.fields.clone(),
            _ => asked.fields,
        };
        (query.after, query.limit) = (after, asked.limit);
        Ok(query)
    }

    /// A question for the first page of whole entities.
    ///
    /// # Errors
    /// A sentence, where a part of it cannot be used.
    pub fn new(question: Question) -> Result<Self, String> {
        let mut predicate = filter::parse(question.filters.iter().map(String::as_str))?;
        if let Some(query) = &question.query {
            predicate = Predicate::All(vec![predicate, Predicate::parse(query)?]);
        }
        if question.order_fields.len() > limits::ORDER_FIELDS_MAX {
            return Err(format!("orderFields has more than {} fields", limits::ORDER_FIELDS_MAX));
        }
        let text = question.full_text_filter.as_ref().filter(|text| !text.term.trim().is_empty());
        let text = text.map(|text| Text::new(&text.term, &text.fields)).transpose()?;
        let (fields, limit) = (Vec::new(), limits::ENTITIES_PAGE);
        Ok(Self { question, predicate, text, after: None, fields, limit, offset: 0 })
    }

    /// Every entity that it finds, on whatever page.
    ///
    /// # Errors
    /// As [`Query::run`].
    pub fn set(&self, index: &Index) -> Result<Set, String> {
        let mut set = self.predicate.evaluate(index);
        if let Some(text) = &self.text {
            text.evaluate(index, &mut set)?;
        }
        Ok(set)
    }

    /// Answers it.
    ///
    /// # Errors
    /// A sentence, where the search would have to read too many long texts.
    pub fn run(&self, index: &Index) -> Result<Page, String> {
        let Found { positions, total, next } = self.find(index)?;
        let items = positions.iter().map(|&at| project::fields(index.entity(at), &self.fields)).collect();
        Ok(Page { items, total, next })
    }

    /// The part of an entity that it asks for.
    pub fn part<'a>(&'a self, entity: &'a Value) -> project::Part<'a> {
        project::Part { entity, fields: &self.fields }
    }

    /// Finds what answers it, for whoever writes it out entity by entity.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn find(&self, index: &Index) -> Result<Found, String> {
        let mut set = self.predicate.evaluate(index);
        let ranks = self.text.as_ref().map(|text| text.evaluate(index, &mut set)).transpose()?;
        let total = set.count();
        let order = Order::new(self, index, ranks);
        let mut positions = order.page(&set, self.after.as_ref(), self.offset, self.limit + 1);
        let goes_on = positions.len() > self.limit;
        positions.truncate(self.limit);
        let last = positions.last().filter(|_| goes_on);
        let next = last.map(|&last| order.cursor(last, self).encode());
        Ok(Found { positions, total, next })
    }
}

/// The order of an answer: by the sorted fields, or else by rank, and in the end by reference.
struct Order<'a> {
    index: &'a Index,
    fields: &'a [OrderField],
    /// For each field, the place of each position.
    places: Vec<Vec<u32>>,
    ranks: Option<Vec<u32>>,
}

impl<'a> Order<'a> {
    fn new(query: &'a Query, index: &'a Index, ranks: Option<Vec<u32>>) -> Self {
        let fields = &query.question.order_fields;
        let places = fields.iter().map(|field| match index.column(&field.field.to_lowercase()) {
            Some(column) => column.places(index.len(), field.order == Direction::Desc),
            None => vec![u32::MAX; index.len()],
        });
        Self { index, fields, places: places.collect(), ranks: ranks.filter(|_| fields.is_empty()) }
    }

    /// At most `limit` positions of `set`, in order, after the cursor and then `offset` more.
    fn page(&self, set: &Set, after: Option<&Cursor>, offset: usize, limit: usize) -> Vec<u32> {
        let after_reference = |cursor: &Cursor| {
            let before = |reference: &super::relation::Ref| reference.as_str() <= cursor.reference.as_str();
            u32::try_from(self.index.references().partition_point(before)).unwrap_or(u32::MAX)
        };
        if self.places.is_empty() && self.ranks.is_none() {
            let start = after.map_or(0, after_reference);
            return set.iter_from(start).skip(offset).take(limit).collect();
        }
        let rest = |at: u32| self.places.iter().skip(2).map(move |places| places[at as usize]);
        let compare = |a: &(u64, u32), b: &(u64, u32)| {
            a.0.cmp(&b.0).then_with(|| rest(a.1).cmp(rest(b.1))).then_with(|| a.1.cmp(&b.1))
        };
        let every = set.iter_from(0).map(|at| (self.lead(at), at));
        let mut positions: Vec<(u64, u32)> = match after {
            None => every.collect(),
            Some(cursor) => {
                let (place, first) = (self.place_of(cursor), after_reference(cursor));
                let (place_lead, place_rest) = (lead(&place), || place.iter().skip(2).copied());
                let is_after = |(lead, at): &(u64, u32)| match lead.cmp(&place_lead) {
                    Ordering::Equal => {
                        rest(*at).cmp(place_rest()).then_with(|| (*at >= first).cmp(&false)).is_gt()
                    }
                    other => other.is_gt(),
                };
                every.filter(is_after).collect()
            }
        };
        let wanted = offset.saturating_add(limit);
        if wanted < positions.len() {
            positions.select_nth_unstable_by(wanted, compare);
            positions.truncate(wanted);
        }
        positions.sort_unstable_by(compare);
        positions.into_iter().skip(offset).map(|(_, at)| at).collect()
    }

    /// The first two places of a position in one number: most comparisons end there.
    fn lead(&self, at: u32) -> u64 {
        match (&self.ranks, self.places.as_slice()) {
            (Some(ranks), _) => lead(&[u32::MAX - ranks[at as usize]]),
            (None, [first]) => lead(&[first[at as usize]]),
            (None, [first, second, ..]) => lead(&[first[at as usize], second[at as usize]]),
            (None, []) => 0,
        }
    }

    /// Where a cursor's entity stands, or would stand if it were still there.
    fn place_of(&self, cursor: &Cursor) -> Vec<u32> {
        if self.ranks.is_some() {
            return vec![u32::MAX - cursor.rank.unwrap_or(0)];
        }
        let place = |(field, value): (&OrderField, &Option<String>)| match value {
            None => u32::MAX,
            Some(value) => match self.index.column(&field.field.to_lowercase()) {
                Some(column) => column.place_of(value, field.order == Direction::Desc),
                None => 0,
            },
        };
        self.fields.iter().zip(&cursor.values).map(place).collect()
    }

    fn cursor(&self, at: u32, query: &Query) -> Cursor {
        let value = |(field, places): (&OrderField, &Vec<u32>)| {
            let column = self.index.column(&field.field.to_lowercase())?;
            column.value_at(places[at as usize], field.order == Direction::Desc).map(str::to_owned)
        };
        Cursor {
            version: VERSION,
            question: query.question.clone(),
            fields: query.fields.clone(),
            values: self.fields.iter().zip(&self.places).map(value).collect(),
            rank: self.ranks.as_ref().map(|ranks| ranks[at as usize]),
            reference: self.index.reference(at).to_string(),
        }
    }
}

fn lead(places: &[u32]) -> u64 {
    let place = |index: usize| u64::from(places.get(index).copied().unwrap_or(0));
    place(0) << 32 | place(1)
}

fn question(arguments: &Value) -> Result<Question, String> {
    let order_fields = match arguments.get("orderFields") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(items)) => items.iter().map(order_field).collect::<Result<_, _>>()?,
        Some(one) => vec![order_field(one)?],
    };
    let full_text_filter = match arguments.get("fullTextFilter") {
        None | Some(Value::Null) => None,
        Some(Value::Object(filter)) => Some(full_text(filter)?),
        Some(_) => return Err("fullTextFilter must be an object such as {\"term\": \"auth\"}".to_owned()),
    };
    let query = arguments.get("query").filter(|query| !query.is_null()).cloned();
    Ok(Question { query, filters: Vec::new(), order_fields, full_text_filter })
}

fn order_field(value: &Value) -> Result<OrderField, String> {
    serde_json::from_value(value.clone()).map_err(|_| {
        "orderFields must be {\"field\": \"metadata.name\", \"order\": \"asc\"}, with asc or desc, or a list of such"
            .to_owned()
    })
}

fn full_text(filter: &Map<String, Value>) -> Result<FullText, String> {
    match filter.get("term") {
        Some(Value::String(term)) => {
            let fields = strings(&Value::Object(filter.clone()), "fields")?;
            Ok(FullText { term: term.clone(), fields })
        }
        _ => Err("fullTextFilter.term must be a string".to_owned()),
    }
}

/// A whole number, which models like to send as a string.
fn number(arguments: &Value, name: &str, least: usize) -> Result<Option<usize>, String> {
    let found = match arguments.get(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(Value::Number(number)) => {
            let whole = number.as_f64().filter(|float| float.fract() == 0.0 && (0.0..1e15).contains(float));
            whole.and_then(|_| format!("{:.0}", number.as_f64().unwrap_or_default()).parse().ok())
        }
        Some(_) => None,
    };
    match found.filter(|number| *number >= least) {
        Some(number) => Ok(Some(number)),
        None => Err(format!("{name} must be a whole number of at least {least}")),
    }
}

fn strings(arguments: &Value, name: &str) -> Result<Vec<String>, String> {
    let items = match arguments.get(name) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(items)) if items.len() <= limits::QUERY_FIELDS_MAX => items,
        Some(Value::Array(_)) => {
            return Err(format!("{name} has more than {} entries", limits::QUERY_FIELDS_MAX));
        }
        Some(_) => return Err(format!("{name} must be a list of strings")),
    };
    let text = |item: &Value| {
        item.as_str().map(str::to_owned).ok_or_else(|| format!("{name} must be a list of strings"))
    };
    items.iter().map(text).collect()
}

#[cfg(test)]
mod tests;
