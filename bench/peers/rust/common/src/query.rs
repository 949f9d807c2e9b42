use std::ops::RangeInclusive;

use crate::{FieldError, Problem, cursor};

/// What `GET /users` asks for.
#[derive(Debug, PartialEq)]
pub struct Page {
    pub after: i64,
    pub limit: i64,
}

impl Page {
    pub fn parse(query: &str) -> Result<Page, Problem> {
        let mut page = Page { after: 0, limit: 20 };
        read(query, |name, value| match name {
            "limit" => number(value, 1..=1000, &mut page.limit, "must be a whole number from 1 to 1000"),
            "after" => set(cursor::decode(value), &mut page.after, "must be the `next` of an earlier page"),
            _ => Err(UNKNOWN),
        })?;
        Ok(page)
    }
}

/// What `GET /lab/users` asks for.
#[derive(Debug, PartialEq)]
pub enum Lab {
    Rows { count: i64, delay_ms: i64 },
    FanOut { count: i64, delay_ms: i64 },
}

impl Lab {
    pub fn parse(query: &str) -> Result<Lab, Problem> {
        let (mut rows, mut fan_out, mut delay_ms) = (0, 0, 0);
        read(query, |name, value| match name {
            "rows" => number(value, 1..=1000, &mut rows, "must be a whole number from 1 to 1000"),
            "fan_out" => number(value, 1..=500, &mut fan_out, "must be a whole number from 1 to 500"),
            "delay_ms" => number(value, 0..=1000, &mut delay_ms, "must be a whole number from 0 to 1000"),
            "serializer" if value == "serde" => Ok(()),
            "serializer" => Err("must be serde"),
            _ => Err(UNKNOWN),
        })?;
        match (rows, fan_out) {
            (0, 0) => Ok(Lab::Rows { count: 100, delay_ms }),
            (count, 0) => Ok(Lab::Rows { count, delay_ms }),
            (0, count) => Ok(Lab::FanOut { count, delay_ms }),
            _ => Err(invalid("rows", "cannot be given beside fan_out")),
        }
    }

    /// The problem when `found` users are fewer than asked for.
    pub fn check(&self, found: usize) -> Result<(), Problem> {
        let (field, count) = match *self {
            Lab::Rows { count, .. } => ("rows", count),
            Lab::FanOut { count, .. } => ("fan_out", count),
        };
        if found < count as usize {
            return Err(invalid(field, "is more than the users there are"));
        }
        Ok(())
    }
}

const UNKNOWN: &str = "is unknown";

fn invalid(field: &'static str, reason: &'static str) -> Problem {
    Problem::validation_failed(vec![FieldError::new(field, reason)])
}

/// Hands each parameter to `set`, and gathers all that is wrong.
fn read(query: &str, mut set: impl FnMut(&str, &str) -> Result<(), &'static str>) -> Result<(), Problem> {
    let errors: Vec<_> = form_urlencoded::parse(query.as_bytes())
        .filter_map(|(name, value)| {
            let reason = set(&name, &value).err()?;
            Some(FieldError::new(name.into_owned(), reason))
        })
        .collect();
    if errors.is_empty() { Ok(()) } else { Err(Problem::validation_failed(errors)) }
}

fn set(value: Option<i64>, place: &mut i64, reason: &'static str) -> Result<(), &'static str> {
    *place = value.ok_or(reason)?;
    Ok(())
}

fn number(text: &str, range: RangeInclusive<i64>, place: &mut i64, reason: &'static str) -> Result<(), &'static str> {
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let value = text.parse().ok().filter(|value| is_digits && range.contains(value));
    set(value, place, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_defaults_and_limits() {
        assert_eq!(Page::parse("").unwrap(), Page { after: 0, limit: 20 });
        let query = format!("limit=1000&after={}", cursor::encode(7));
        assert_eq!(Page::parse(&query).unwrap(), Page { after: 7, limit: 1000 });
        for query in ["limit=0", "limit=1001", "limit=-1", "limit=x", "limit=", "limit=%2B5", "after=", "x=1"] {
            assert_eq!(Page::parse(query).unwrap_err().status, 422, "{query}");
        }
    }

    #[test]
    fn the_laboratory_has_defaults_and_limits() {
        assert_eq!(Lab::parse("").unwrap(), Lab::Rows { count: 100, delay_ms: 0 });
        assert_eq!(
            Lab::parse("fan_out=500&delay_ms=1000&serializer=serde").unwrap(),
            Lab::FanOut { count: 500, delay_ms: 1000 }
        );
        for query in ["rows=0", "rows=1001", "fan_out=501", "delay_ms=1001", "serializer=x", "rows=1&fan_out=1"] {
            assert_eq!(Lab::parse(query).unwrap_err().status, 422, "{query}");
        }
    }
}
