//! What the Rust peers share: the user, the requests and what is wrong with them, the SQL, the settings.

#[cfg(feature = "axum")]
pub mod axum;
mod cursor;
mod new_user;
mod problem;
mod query;
mod settings;
pub mod sql;
mod user;

pub use new_user::NewUser;
pub use problem::{FieldError, Problem};
pub use query::{Lab, Page};
pub use settings::Settings;
pub use user::{User, UserPage, Users};

/// The media type of all answers but problems.
pub const JSON: &str = "application/json";

/// The media type of problems (RFC 9457).
pub const PROBLEM_JSON: &str = "application/problem+json";

pub const HEALTH: &str = r#"{"status":"ok"}"#;
