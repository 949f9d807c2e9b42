use serde::Deserialize;
use serde_json::Value;

use crate::{FieldError, Problem};

/// What `POST /users` creates: a good name, and a good e-mail address.
pub struct NewUser {
    pub name: String,
    pub email: String,
}

/// Any values: all that is wrong with them is to be said at once.
#[derive(Deserialize)]
#[serde(default)]
struct Draft {
    name: Value,
    email: Value,
}

impl Default for Draft {
    fn default() -> Self {
        Draft { name: Value::Null, email: Value::Null }
    }
}

impl NewUser {
    pub fn parse(body: &[u8]) -> Result<NewUser, Problem> {
        let draft: Draft = match serde_json::from_slice(body) {
            Ok(draft) => draft,
            Err(error) if error.is_data() => Draft::default(),
            Err(_) => return Err(Problem::MALFORMED_JSON),
        };
        match (text(draft.name, name_flaw), text(draft.email, email_flaw)) {
            (Ok(name), Ok(email)) => Ok(NewUser { name, email }),
            (name, email) => Err(Problem::validation_failed(
                [
                    name.err().map(|reason| FieldError::new("name", reason)),
                    email.err().map(|reason| FieldError::new("email", reason)),
                ]
                .into_iter()
                .flatten()
                .collect(),
            )),
        }
    }
}

fn text(value: Value, flaw: fn(&str) -> Option<&'static str>) -> Result<String, &'static str> {
    match value {
        Value::String(text) => flaw(&text).map_or(Ok(text), Err),
        _ => Err("must be a string"),
    }
}

fn name_flaw(name: &str) -> Option<&'static str> {
    if name.chars().all(char::is_whitespace) {
        Some("must not be blank")
    } else if name.chars().count() > 200 {
        Some("must not have more than 200 characters")
    } else if name.chars().any(char::is_control) {
        Some("must not have control characters")
    } else {
        None
    }
}

fn email_flaw(email: &str) -> Option<&'static str> {
    let Some((local, domain)) = email.split_once('@') else {
        return Some("must have an @");
    };
    if email.len() > 254 {
        Some("must not be longer than 254 bytes")
    } else if local.len() > 64 || !local.split('.').all(is_atom) {
        Some("must have a valid mailbox name before the @")
    } else if !domain.split('.').all(is_label) {
        Some("must have a valid domain name after the @")
    } else {
        None
    }
}

/// What RFC 6531 adds to letters: all of Unicode beyond ASCII, of which we take what can be seen.
fn is_wide_letter(character: char) -> bool {
    !(character.is_ascii() || character.is_control() || character.is_whitespace())
}

fn is_atom(atom: &str) -> bool {
    let is_good = |character: char| {
        character.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(character) || is_wide_letter(character)
    };
    !atom.is_empty() && atom.chars().all(is_good)
}

fn is_label(label: &str) -> bool {
    let is_good = |character: char| character.is_ascii_alphanumeric() || character == '-' || is_wide_letter(character);
    (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-') && label.chars().all(is_good)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &str) -> Vec<String> {
        let problem = serde_json::to_value(NewUser::parse(body.as_bytes()).err().unwrap()).unwrap();
        problem["errors"]
            .as_array()
            .map(|errors| errors.iter().map(|error| error["field"].to_string()).collect())
            .unwrap_or_default()
    }

    #[test]
    fn a_good_user_is_taken() {
        let user = NewUser::parse(br#"{"email": "a.b@d.example", "n\u0061me": " Zo\u00eb "}"#).unwrap();
        assert_eq!((&*user.name, &*user.email), (" Zoë ", "a.b@d.example"));
    }

    #[test]
    fn all_bad_fields_are_named() {
        for body in ["{}", "[]", "7", r#"{"name": "", "email": ""}"#, r#"{"name": 1, "email": null}"#] {
            assert_eq!(refused(body), [r#""name""#, r#""email""#], "{body}");
        }
        assert!(refused("{").is_empty());
    }

    #[test]
    fn bad_values_are_refused() {
        for name in [" ", "\u{a0}", "a\tb", "a\u{85}b", &"n".repeat(201)] {
            assert!(name_flaw(name).is_some(), "{name:?}");
        }
        for email in ["@d.example", "a@", "a@b@c", ".a@d", "a..b@d", "a@-d", "a@d_e", "a b@d", "a@d."] {
            assert!(email_flaw(email).is_some(), "{email}");
        }
        assert!(email_flaw(&format!("{}@d", "x".repeat(65))).is_some());
        assert!(email_flaw("δ.x+tag@bücher.例え").is_none());
    }
}
