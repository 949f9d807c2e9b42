//! Opaque cursors: the id of the last user of a page, in base64url.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

pub fn encode(id: i64) -> String {
    URL_SAFE_NO_PAD.encode(id.to_be_bytes())
}

pub fn decode(cursor: &str) -> Option<i64> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let id = i64::from_be_bytes(bytes.try_into().ok()?);
    (id > 0).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_gives_its_id_back() {
        for id in [1, 255, i64::MAX] {
            assert_eq!(decode(&encode(id)), Some(id));
        }
    }

    #[test]
    fn what_is_no_cursor_gives_none() {
        for text in ["", "1", "!", "AAAAAAAAAAA", "AAAAAAAAAAE=", "AAAAAAAAAAF", "__________8"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
