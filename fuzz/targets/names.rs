//! What pages and stores hand back as names of sessions: one text, one value.
#![no_main]

use libfuzzer_sys::fuzz_target;
use session_core::{SessionId, SessionRef};

fuzz_target!(|bytes: &[u8]| {
    match SessionId::try_from(bytes) {
        Ok(id) => {
            assert_eq!(id.as_bytes()[..], *bytes);
            assert_eq!(id.to_ref().to_string().parse(), Ok(id.to_ref()));
        }
        Err(_) => assert_ne!(bytes.len(), 16),
    }
    if let Ok(text) = str::from_utf8(bytes)
        && let Ok(named) = text.parse::<SessionRef>()
    {
        assert_eq!(named.to_string(), text.to_lowercase());
        assert_eq!(named.to_string().parse(), Ok(named));
    }
});
