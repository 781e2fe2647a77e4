#![doc = include_str!("docs.md")]
// Where the links of docs lead that are built by themselves, with `--no-deps`.
#![doc(html_root_url = "https://docs.rs/session-core/latest")]

mod admission;
mod backend;
mod calls;
mod commit;
mod committers;
#[cfg(feature = "conformance")]
pub mod conformance;
mod data;
mod ended;
mod erased;
mod error;
mod fields;
mod id;
mod json;
mod life;
mod lifetime;
mod memory;
mod metrics;
pub mod observe;
mod outcome;
mod patch;
mod record;
mod rotation;
mod runtime;
mod session;
mod staged;
mod status;
mod store;
mod time;
mod turns;
mod update;
mod writer;
pub mod writing_a_store;

pub use backend::Backend;
pub use commit::{CookieChange, Finished};
pub use data::SessionData;
pub use error::{Error, FieldError};
pub use fields::{FieldRef, Fields, MAX_FIELDS, MAX_NAME_LEN};
pub use id::{Fingerprint, InvalidId, InvalidRef, SessionId, SessionRef, Token};
pub use lifetime::{AtLimit, Lifetime, Policy, ReplayPolicy};
pub use memory::{MemoryStore, MemoryStoreBuilder};
pub use patch::{FieldChange, OwnerChange, Patch, Renewal, Rotation};
pub use record::{Record, RecordParts};
pub use runtime::{BoxFuture, Runtime};
pub use session::{Presented, Session};
pub use session_macros::SessionData;
pub use status::Status;
pub use store::{Committed, Created, Guard, NewRecord, SessionStore, StoreError};
pub use time::{Clock, ManualClock, SystemClock, Timestamp};

/// The `tracing` target of every event of this library.
pub const TARGET: &str = "session";

/// What derived code calls. No part of the public interface: it may change with any version.
#[doc(hidden)]
pub mod __private {
    pub use ::core;
    pub use serde::{Serialize, de::DeserializeOwned};

    pub use crate::{
        FieldError,
        data::{Field, Last, Reader, SessionData, TypedField, View},
        writer::{Writer, clear, write_state},
    };
}
