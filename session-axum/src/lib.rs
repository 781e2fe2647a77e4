#![doc = include_str!("docs.md")]

mod caching;
mod config;
mod cookie;
mod error;
mod extract;
mod future;
pub mod guide;
mod headers;
mod key;
mod layer;
mod memory;
mod observe;
mod rejection;
mod runtime;
mod seal;
mod service;
mod sessions;
mod slot;
#[cfg(feature = "test-util")]
pub mod test_util;
mod transport;

pub use ::cookie::SameSite;
pub use config::{ConfigError, Timeouts};
pub use error::SessionError;
pub use extract::{Session, TypedSession};
pub use future::ResponseFuture;
pub use key::{Key, KeyError};
pub use layer::SessionLayer;
pub use rejection::SessionRejection;
pub use service::SessionService;
#[cfg(feature = "metrics")]
pub use session_core::observe::describe_metrics;
pub use session_core::{
    __private, AtLimit, Clock, Committed, Created, Error, FieldChange, FieldError, FieldRef,
    Fields, Fingerprint, Guard, InvalidId, InvalidRef, Lifetime, MAX_FIELDS, MAX_NAME_LEN,
    ManualClock, MemoryStore, MemoryStoreBuilder, NewRecord, OwnerChange, Patch, Record,
    RecordParts, Renewal, ReplayPolicy, Rotation, SessionData, SessionId, SessionRef, SessionStore,
    Status, StoreError, SystemClock, TARGET, Timestamp,
};
pub use sessions::{SessionInfo, Sessions};
