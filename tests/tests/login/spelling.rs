//! How people print bytes, so that a search finds them.

use std::fmt::Write as _;

use crate::common::hex;

/// Bytes as people print them; whole, and each half of 16.
pub(crate) fn spellings(bytes: &[u8]) -> Vec<String> {
    let mut all = Vec::new();
    for part in [bytes, &bytes[..bytes.len() / 2], &bytes[bytes.len() / 2..]] {
        let hex = hex(part);
        let debug = format!("{part:?}");
        all.extend([
            debug.trim_matches(['[', ']']).to_owned(),
            base64(part, *b"+/"),
            base64(part, *b"-_"),
        ]);
        all.push(hex);
    }
    if let Ok(id) = <[u8; 16]>::try_from(bytes) {
        let hex = &all[3];
        all.push(format!(
            "{}-{}-{}-{}-{}",
            &hex[..8],
            &hex[8..12],
            &hex[12..16],
            &hex[16..20],
            &hex[20..]
        ));
        all.extend([
            u128::from_be_bytes(id).to_string(),
            u128::from_le_bytes(id).to_string(),
        ]);
    }
    all
}

/// Without padding, and so also found in a padded text.
fn base64(bytes: &[u8], last: [u8; 2]) -> String {
    let letters: Vec<u8> = (b'A'..=b'Z')
        .chain(b'a'..=b'z')
        .chain(b'0'..=b'9')
        .chain(last)
        .collect();
    let bits = bytes.iter().fold(String::new(), |mut bits, byte| {
        write!(bits, "{byte:08b}").expect("a string");
        bits
    });
    let letter = |bits: &[u8]| {
        let bits = format!("{:0<6}", str::from_utf8(bits).expect("digits"));
        char::from(letters[usize::from_str_radix(&bits, 2).expect("binary")])
    };
    bits.as_bytes().chunks(6).map(letter).collect()
}

#[test]
fn bytes_are_spelled_as_people_print_them() {
    let all = spellings(b"any carnal pleas");
    for text in [
        "YW55IGNhcm5hbCBwbGVhcw",
        "616e79206361726e616c20706c656173",
        "97, 110, 121, 32, 99, 97, 114, 110",
    ] {
        assert!(all.iter().any(|other| other.contains(text)), "{text}");
    }
}
