//! [`FileStore`]: the contract of a store, kept by a directory of files and one lock.

use std::fs::{DirBuilder, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use session_core::{
    Clock, Committed, Created, Guard, NewRecord, Patch, Record, SessionId, SessionStore,
    StoreError, SystemClock, Timestamp,
};
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use crate::file::Files;

/// Sessions in a directory, a file for each. Several processes of one machine can share it.
///
/// It looks through all files for the sessions of an owner, so it is for hundreds of sessions and not for millions.
/// Whoever can read the directory can read all sessions: on Unix it is made for its owner alone (mode 0700), and one that
/// is there already keeps what it has.
#[derive(Debug)]
pub struct FileStore<C = SystemClock> {
    inner: Arc<Inner<C>>,
}

#[derive(Debug)]
struct Inner<C> {
    files: Files,
    lock: PathBuf,
    /// Of the writes of this process, one at a time.
    turn: Arc<Mutex<()>>,
    /// The time is injected, so that no test has to wait for an expiry.
    clock: C,
}

/// A store is cheap to clone.
impl<C> Clone for FileStore<C> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
        }
    }
}

impl FileStore {
    /// Makes the directory, if it is not there, for nobody but its owner.
    pub fn open(directory: impl AsRef<Path>) -> io::Result<Self> {
        Self::with_clock(directory, SystemClock)
    }
}

impl<C: Clock> FileStore<C> {
    /// With a clock of one's own.
    pub fn with_clock(directory: impl AsRef<Path>, clock: C) -> io::Result<Self> {
        let directory = directory.as_ref();
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.recursive(true).create(directory)?;
        let lock = directory.join("lock");
        File::options().create(true).append(true).open(&lock)?;
        Ok(Self {
            inner: Arc::new(Inner {
                files: Files::new(directory),
                lock,
                turn: Arc::default(),
                clock,
            }),
        })
    }

    /// Reads without the lock: a file is replaced in one step, so it is always a whole one.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Files, Timestamp) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.apart(|inner| read(&inner.files, inner.clock.now()))
            .await
    }

    /// One atomic step, at one moment.
    async fn write<T: Send + 'static>(
        &self,
        write: impl FnOnce(&Files, Timestamp) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        // At most one thread waits for the lock, however many writes are given up: the others are free for reads.
        let turn = Arc::clone(&self.inner.turn).lock_owned().await;
        self.apart(|inner| {
            let _turn = turn;
            // Other processes wait here. It ends with the file, even if this process is killed.
            let lock = File::open(&inner.lock).map_err(StoreError::internal)?;
            lock.lock().map_err(StoreError::internal)?;
            write(&inner.files, inner.clock.now())
        })
        .await
    }

    /// Files are waited for on a thread of its own, never on those that serve requests. It goes on when the caller
    /// is gone: so what it does happens whole.
    async fn apart<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner<C>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let inner = Arc::clone(&self.inner);
        let answer = spawn_blocking(move || work(&inner)).await;
        answer.map_err(StoreError::internal)?
    }
}

impl<C: Clock> SessionStore for FileStore<C> {
    async fn load(&self, id: SessionId) -> Result<Option<Arc<Record>>, StoreError> {
        self.read(move |files, now| {
            let record = files.read(id, now)?;
            // From the deadline on it is dead, whether its file is there or not.
            Ok(record.filter(|record| !record.is_expired(now)))
        })
        .await
    }

    async fn create(&self, id: SessionId, new: NewRecord) -> Result<Created, StoreError> {
        self.write(move |files, now| {
            // A file that can't be read is an error here, and is not overwritten.
            if files.read(id, now)?.is_some_and(|old| !old.is_expired(now)) {
                return Ok(Created::IdTaken);
            }
            let record = Arc::new(Record::create(new, now));
            files.replace(id, &record)?;
            Ok(Created::Created(record))
        })
        .await
    }

    /// [`Record::commit`] has all the rules. What is left to a store is that nobody comes in between.
    async fn commit(
        &self,
        id: SessionId,
        guard: Guard,
        patch: &Patch,
    ) -> Result<Committed, StoreError> {
        let patch = patch.clone();
        self.write(move |files, now| {
            let Some(record) = files.read(id, now)? else {
                return Ok(Committed::Gone);
            };
            let answer = record.commit(guard, &patch, now);
            if let Committed::Applied(next) = &answer {
                files.replace(id, next)?;
            }
            Ok(answer)
        })
        .await
    }

    /// Also one that can't be read: nobody is locked out by it.
    async fn delete(&self, id: SessionId) -> Result<bool, StoreError> {
        self.write(move |files, now| {
            let lived = match files.head(id) {
                Err(error) if error.is_undecodable() => true,
                head => head?.is_some_and(|head| head.lives(now)),
            };
            files.remove(id)?;
            Ok(lived)
        })
        .await
    }

    async fn find_by_owner(
        &self,
        owner: &str,
    ) -> Result<Vec<(SessionId, Arc<Record>)>, StoreError> {
        let owner = owner.to_owned();
        self.read(move |files, now| {
            let mut found = Vec::new();
            for (id, head) in files.heads()? {
                if !(head.belongs_to(&owner) && head.lives(now)) {
                    continue;
                }
                match files.read(id, now) {
                    Ok(record) => {
                        // It may have changed since its head was read.
                        let is_found = |record: &Arc<Record>| {
                            record.owner() == Some(&owner) && !record.is_expired(now)
                        };
                        found.extend(record.filter(is_found).map(|record| (id, record)));
                    }
                    // One that can't be read hides no others.
                    Err(error) if error.is_undecodable() => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(found)
        })
        .await
    }

    async fn revoke_owner(&self, owner: &str, keep: Option<SessionId>) -> Result<u64, StoreError> {
        let owner = owner.to_owned();
        self.write(move |files, now| {
            let mut revoked = 0;
            for (id, head) in files.heads()? {
                if head.belongs_to(&owner) && Some(id) != keep && head.lives(now) {
                    files.remove(id)?;
                    revoked += 1;
                }
            }
            Ok(revoked)
        })
        .await
    }

    async fn delete_expired(&self, at_most: usize) -> Result<u64, StoreError> {
        self.write(move |files, now| {
            let heads = files.heads()?.into_iter();
            let dead = heads.filter(|(_, head)| !head.lives(now));
            let mut removed = 0;
            for (id, _) in dead.take(at_most) {
                files.remove(id)?;
                removed += 1;
            }
            Ok(removed)
        })
        .await
    }

    async fn count(&self) -> Result<u64, StoreError> {
        self.read(|files, now| {
            let heads = files.heads()?.into_iter();
            Ok(heads.filter(|(_, head)| head.lives(now)).count() as u64)
        })
        .await
    }
}
