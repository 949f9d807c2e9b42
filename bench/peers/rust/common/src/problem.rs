use std::{borrow::Cow, fmt};

use serde::Serialize;

/// Problem details (RFC 9457).
#[derive(Debug, Serialize)]
pub struct Problem {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    pub status: u16,
    code: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
}

#[derive(Debug, Serialize)]
pub struct FieldError {
    pub field: Cow<'static, str>,
    pub reason: &'static str,
}

impl FieldError {
    pub fn new(field: impl Into<Cow<'static, str>>, reason: &'static str) -> Self {
        FieldError { field: field.into(), reason }
    }
}

macro_rules! problem {
    ($status:literal, $code:literal, $title:literal) => {
        Problem { kind: concat!("/problems/", $code), title: $title, status: $status, code: $code, errors: Vec::new() }
    };
}

impl Problem {
    pub const MALFORMED_JSON: Problem = problem!(400, "malformed_json", "Malformed JSON");
    pub const NOT_FOUND: Problem = problem!(404, "not_found", "Resource not found");
    pub const USER_NOT_FOUND: Problem = problem!(404, "user_not_found", "User not found");
    pub const EMAIL_TAKEN: Problem = problem!(409, "email_taken", "E-mail address taken");
    pub const INTERNAL: Problem = problem!(500, "internal", "Internal error");

    pub fn validation_failed(errors: Vec<FieldError>) -> Problem {
        Problem { errors, ..problem!(422, "validation_failed", "Invalid fields") }
    }

    /// The client learns no more than that it is the database; standard error learns why.
    pub fn database_unavailable(error: impl fmt::Display) -> Problem {
        eprintln!("database: {error}");
        problem!(503, "database_unavailable", "Database unavailable")
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.title)
    }
}

impl std::error::Error for Problem {}
