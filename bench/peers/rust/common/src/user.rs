use serde::Serialize;
use time::OffsetDateTime;

use crate::cursor;

/// A user as in JSON. Borrows its texts from the row that it was read from, so that none is copied before it is written.
#[derive(Serialize)]
pub struct User<'a> {
    pub id: i64,
    pub name: &'a str,
    pub email: &'a str,
    #[serde(serialize_with = "timestamp::serialize")]
    pub created_at: OffsetDateTime,
    #[serde(serialize_with = "timestamp::serialize")]
    pub updated_at: OffsetDateTime,
    pub version: i64,
}

impl User<'_> {
    /// Bytes of JSON: room for nearly all users. A buffer grows for the others.
    pub const SIZE: usize = 256;
}

#[derive(Serialize)]
pub struct Users<'a> {
    pub users: Vec<User<'a>>,
}

#[derive(Serialize)]
pub struct UserPage<'a> {
    users: Vec<User<'a>>,
    next: Option<String>,
}

impl<'a> UserPage<'a> {
    /// `users` has one more than `limit` when there is a next page.
    pub fn new(mut users: Vec<User<'a>>, limit: i64) -> Self {
        let limit = limit as usize;
        let next = (users.len() > limit).then(|| cursor::encode(users[limit - 1].id));
        users.truncate(limit);
        UserPage { users, next }
    }
}

/// RFC 3339 with six digits of a second. By `time`'s ISO 8601 formatter, which is configured at compile time: chrono, jiff
/// and `format_description!` took longer.
mod timestamp {
    use std::{io::Cursor, num::NonZero};

    use serde::{Serializer, ser::Error};
    use time::{
        OffsetDateTime,
        format_description::well_known::{
            Iso8601,
            iso8601::{Config, EncodedConfig, TimePrecision},
        },
    };

    const FORMAT: EncodedConfig =
        Config::DEFAULT.set_time_precision(TimePrecision::Second { decimal_digits: NonZero::new(6) }).encode();
    const SIZE: usize = "2026-01-02T03:04:05.678901Z".len();

    pub fn serialize<S: Serializer>(time: &OffsetDateTime, serializer: S) -> Result<S::Ok, S::Error> {
        let mut buffer = [0; SIZE];
        time.format_into(&mut Cursor::new(&mut buffer[..]), &Iso8601::<FORMAT>).map_err(S::Error::custom)?;
        serializer.serialize_str(str::from_utf8(&buffer).map_err(S::Error::custom)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(id: i64, microseconds: i64) -> User<'static> {
        let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(microseconds) * 1000).unwrap();
        User { id, name: "Zoë \"Q\"", email: "zoe@tests.example", created_at: time, updated_at: time, version: 1 }
    }

    #[test]
    fn a_user_is_written_with_six_digits_of_a_second() {
        for (microseconds, text) in [
            (1_767_323_045_678_901, "2026-01-02T03:04:05.678901Z"),
            (1_767_323_045_000_000, "2026-01-02T03:04:05.000000Z"),
            (1_709_164_800_000_001, "2024-02-29T00:00:00.000001Z"),
            (-1, "1969-12-31T23:59:59.999999Z"),
        ] {
            assert_eq!(
                serde_json::to_string(&user(7, microseconds)).unwrap(),
                format!(
                    r#"{{"id":7,"name":"Zoë \"Q\"","email":"zoe@tests.example","created_at":"{text}","updated_at":"{text}","version":1}}"#
                )
            );
        }
    }

    #[test]
    fn the_user_too_many_tells_of_a_next_page() {
        let users = || vec![user(1, 0), user(2, 0)];
        let last = UserPage::new(users(), 2);
        assert_eq!((last.users.len(), last.next), (2, None));
        let first = UserPage::new(users(), 1);
        assert_eq!((first.users.len(), first.next), (1, Some(cursor::encode(1))));
    }
}
