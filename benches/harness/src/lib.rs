//! What every adapter is measured with: the works, the requests, and the proof that the counters counted.

mod adapter;
mod bare;
pub mod callgrind;
mod prepared;
mod profile;
mod request;
mod told;
mod work;

pub use adapter::{Adapter, CAPACITY, runtime};
pub use bare::{COOKIE, FLOOR};
pub use prepared::Prepared;
pub use profile::{NAMES, TEXT};
pub use request::{Answer, Request, answer, new_session, send};
pub use told::{compiler, told};
pub use work::Work;
