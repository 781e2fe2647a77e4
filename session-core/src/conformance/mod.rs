//! The store contract as a suite that anybody's store can run: one test per rule.
//!
//! Say in a [`Harness`] how to get at your store, and let [`conformance!`](crate::conformance!) write the tests into a
//! module of your test crate, which needs `tokio` with the feature `rt-multi-thread`:
//!
//! ```
//! use std::time::Duration;
//! use session_core::{ManualClock, MemoryStore, conformance::Harness};
//!
//! struct Memory {
//!     store: MemoryStore,
//!     clock: ManualClock,
//! }
//!
//! impl Harness for Memory {
//!     type Store = MemoryStore;
//!     const STANDS_STILL: bool = true;
//!
//!     async fn start() -> Option<Self> {
//!         let clock = ManualClock::new();
//!         let store = MemoryStore::builder().clock(clock.clone()).build();
//!         Some(Self { store, clock })
//!     }
//!
//!     async fn store(&self) -> MemoryStore {
//!         self.store.clone()
//!     }
//!
//!     async fn pass(&self, span: Duration) {
//!         self.clock.advance(span);
//!     }
//! }
//!
//! mod memory_store {
//!     session_core::conformance!(super::Memory);
//! }
//! ```
//!
//! The suite has neither a runtime nor a clock of its own. Tests of overlapping calls run them on as many handles
//! as there are processes in their story, each got by [`Harness::store`]. What is random differs from run to run, and
//! a failure shows the seed, which `SESSION_TEST_SEED` gives again. A test that does not end within [`Harness::LIMIT`]
//! fails.

#![expect(
    missing_docs,
    clippy::missing_panics_doc,
    reason = "these are tests: their names are sentences, and they panic to say no"
)]

mod bench;
mod guards;
mod life;
mod limit;
mod overlap;
mod owners;
mod parallel;
mod random;
mod restored;
mod rotations;
mod sweeping;
mod touches;
mod values;

use std::{future::Future, time::Duration};

use crate::{SessionId, SessionStore};

#[doc(hidden)]
pub use bench::Bench;
#[doc(hidden)]
pub use limit::within_limit;

/// How the suite gets at a store, and at the store's time.
pub trait Harness: Sized + Send + Sync + 'static {
    /// The store.
    type Store: SessionStore;

    /// One minute of the suite: a session in it lives for one without activity, and for ten in all. Where
    /// [`pass`](Self::pass) has to wait for the real time to pass, take a second or two.
    const MINUTE: Duration = Duration::from_mins(1);

    /// The store's time stands still but for [`pass`](Self::pass). Then deadlines are tested to the microsecond,
    /// else to a tenth of a [`MINUTE`](Self::MINUTE).
    const STANDS_STILL: bool = false;

    /// The longest that one test may take, of real time: two minutes. A store that is right takes seconds, if
    /// [`pass`](Self::pass) does not wait; a test that takes longer fails, and says what that may mean.
    const LIMIT: Duration = Duration::from_mins(2);

    /// A new store with nothing in it, for one test. `None` where there is none to test, say without a server:
    /// then the test passes, and it is for you to tell that it tested nothing.
    fn start() -> impl Future<Output = Option<Self>> + Send;

    /// A handle on the store, as another process would have it: with connections of its own, if it has any.
    fn store(&self) -> impl Future<Output = Self::Store> + Send;

    /// Lets time pass for the store. One with a clock of its own is tested by moving the times of all its records
    /// back by this span, or by waiting.
    fn pass(&self, span: Duration) -> impl Future<Output = ()> + Send;

    /// Makes the live record of this id unreadable for the store. `false`, and nothing done, where none can be.
    fn damage(&self, id: SessionId) -> impl Future<Output = bool> + Send {
        let _ = id;
        async { false }
    }
}

/// Writes the list of rules once: as what the macro calls, and as the macro.
macro_rules! rules {
    ($($module:ident { $($rule:ident)+ })+) => {
        #[doc(hidden)]
        pub mod rules {
            $(pub use super::$module::{$($rule),+};)+
        }

        /// One `#[test]` for each rule of the store contract: see [`conformance`](mod@crate::conformance).
        #[macro_export]
        macro_rules! conformance {
            ($harness:ty) => {
                $($(
                    #[::core::prelude::v1::test]
                    fn $rule() {
                        $crate::conformance_rule!($harness, $rule);
                    }
                )+)+
            };
        }
    };
}

/// The test of one rule.
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_rule {
    ($harness:ty, $rule:ident) => {
        $crate::conformance::within_limit::<$harness>(::core::stringify!($rule), || {
            let runtime = ::tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build();
            runtime.expect("a runtime").block_on(async {
                let spawn = |task| ::core::mem::drop(::tokio::spawn(task));
                let bench = $crate::conformance::Bench::<$harness>::start(spawn).await;
                if let ::core::option::Option::Some(bench) = bench {
                    $crate::conformance::rules::$rule(&bench).await;
                }
            });
        });
    };
}

rules! {
    life {
        a_new_record_is_what_was_created
        a_creation_never_overwrites_a_live_record
        an_expired_id_may_be_created_anew
        a_commit_never_creates
        a_deletion_says_whether_there_was_a_live_record
        a_lifetime_may_be_as_long_as_a_duration
        a_record_is_dead_from_its_deadline_on_for_everybody
        every_answer_tells_the_time_of_the_store
        what_can_not_be_read_is_never_overwritten
    }
    guards {
        fields_merge
        each_commit_of_a_change_raises_the_version
        an_older_version_is_a_conflict_that_brings_the_newest_record
        a_generation_below_the_barrier_is_superseded_and_brings_the_newest_record
        a_barrier_outweighs_a_version
    }
    touches {
        a_touch_moves_the_expiry_and_nothing_else
        a_touch_moves_only_forward
        a_touch_stops_at_the_absolute_limit
        a_touch_that_somebody_else_did_is_not_done_again
        a_lifetime_of_its_own_is_kept
    }
    rotations {
        an_explicit_rotation_is_a_barrier
        a_periodic_rotation_is_no_barrier_and_happens_once
        the_first_sight_of_a_new_token_is_noted_once
    }
    owners {
        the_fields_survive_a_login
        only_kept_fields_survive_a_change_of_owner
        a_field_is_kept_as_its_latest_write_says
        the_same_owner_again_rotates_but_restarts_no_clock
        a_different_owner_restarts_the_clocks
        the_sessions_of_an_owner_are_found
        an_owner_may_have_a_thousand_sessions
        all_sessions_of_an_owner_end_but_the_one_to_keep
        an_owner_may_have_any_name
    }
    values {
        any_json_value_comes_back_equal
        any_field_name_comes_back_equal
        a_record_may_have_the_most_fields
    }
    random {
        random_fields_come_back_equal
    }
    sweeping {
        a_sweep_removes_the_dead_alone_and_no_more_than_asked_for
        sweepers_beside_live_traffic_remove_no_live_record
    }
    parallel {
        parallel_increments_each_count_once
        parallel_writes_of_different_fields_all_survive
        of_parallel_creations_of_one_id_one_succeeds
        a_commit_beside_a_deletion_leaves_nothing
        of_parallel_rotations_one_bars_the_others
        a_login_beside_writes_loses_none_that_was_applied
        parallel_periodic_rotations_raise_the_generation_once
    }
    overlap {
        of_any_two_operations_at_once_one_was_first
    }
    restored {
        a_token_newer_than_its_record_opens_nothing
    }
}
