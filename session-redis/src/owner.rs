//! An owner's index, which is advisory, and the owner's mark, which is not.

use futures_util::{StreamExt as _, stream};
use redis::cmd;
use session_core::StoreError;

use crate::{
    error::Malformed,
    reply::{Stored, number},
    script,
    store::{Connection, RedisStore},
};

/// How many commands are under way at once; the connection sends them as one pipeline.
const AT_ONCE: usize = 64;

pub(crate) async fn in_turns<F: Future>(calls: impl Iterator<Item = F>) -> Vec<F::Output> {
    // Collected first: a stream of an iterator over borrows is not `Send` for every lifetime.
    let calls: Vec<F> = calls.collect();
    stream::iter(calls).buffered(AT_ONCE).collect().await
}

/// Every session that was the owner's before this moment is dead, but for one.
#[derive(Default)]
pub(crate) struct Mark {
    at: u64,
    keep: Vec<u8>,
    /// The mark before: the kept one is spared only if it was alive under that.
    floor: u64,
}

impl Mark {
    fn new([at, keep, floor]: [Vec<u8>; 3]) -> Result<Self, StoreError> {
        if at.is_empty() {
            return Ok(Self::default());
        }
        Ok(Self {
            at: number(&at)?,
            keep,
            floor: number(&floor)?,
        })
    }

    /// Whether it ends this session.
    pub(crate) fn ends(&self, member: &[u8], stored: &Stored) -> bool {
        let spared = self.keep == member && stored.mark_seen >= self.floor;
        stored.mark_seen < self.at && !spared
    }
}

/// A session in an index. Bytes: what others wrote there need be no text.
pub(crate) struct Member {
    pub(crate) name: Vec<u8>,
    score: Vec<u8>,
}

/// One to be taken out of an index, if it is still as it was seen.
pub(crate) struct Stale(Member);

impl Stale {
    /// With the score that it should have; empty: whatever the index says of it.
    pub(crate) fn with(name: &str, score: &str) -> Self {
        Self(Member {
            name: name.into(),
            score: score.into(),
        })
    }

    /// Unless it was enrolled anew.
    pub(crate) fn as_seen(member: Member) -> Self {
        Self(member)
    }
}

fn pairs(texts: impl IntoIterator<Item = Vec<u8>>) -> Vec<Member> {
    let mut texts = texts.into_iter();
    let next = || Some((texts.next()?, texts.next()?));
    std::iter::from_fn(next)
        .map(|(name, score)| Member { name, score })
        .collect()
}

impl<C: Connection> RedisStore<C> {
    /// The second trip of loading an owned session.
    pub(crate) async fn mark(&self, owner: &str) -> Result<Mark, StoreError> {
        let key = self.owner_keys(owner).mark;
        let mut read = cmd("HMGET");
        read.arg(key).arg(&["at", "keep", "floor"]);
        let mark: [Option<Vec<u8>>; 3] = self.ask(read).await?;
        Mark::new(mark.map(Option::unwrap_or_default))
    }

    pub(crate) async fn members(&self, owner: &str) -> Result<(Mark, Vec<Member>), StoreError> {
        let keys = self.owner_keys(owner);
        let texts: Vec<Vec<u8>> = self.call(&script::MEMBERS, &keys.both(), &[]).await?;
        let mut texts = texts.into_iter();
        let mark = [(); 3].map(|()| texts.next().unwrap_or_default());
        Ok((Mark::new(mark)?, pairs(texts)))
    }

    /// Ends everything of an owner's but one, known to the index or not.
    pub(crate) async fn set_mark(
        &self,
        owner: &str,
        keep: &str,
    ) -> Result<(Vec<u8>, Vec<Member>), StoreError> {
        let keys = self.owner_keys(owner);
        let holds = self.mark_holds().to_string();
        let args = [keep.as_bytes(), holds.as_bytes()];
        let texts: Vec<Vec<u8>> = self.call(&script::REVOKE, &keys.both(), &args).await?;
        let mut texts = texts.into_iter();
        let at = texts.next().ok_or(Malformed("an owner's mark"))?;
        Ok((at, pairs(texts)))
    }

    /// Takes stale members out of an owner's index; how many.
    pub(crate) async fn heal(&self, index: &str, stale: &[Stale]) -> Result<u64, StoreError> {
        let args: Vec<&[u8]> = stale
            .iter()
            .flat_map(|Stale(member)| [&*member.name, &member.score])
            .collect();
        self.call(&script::HEAL, &[index.as_bytes()], &args).await
    }

    /// The same, and nobody waits for it.
    pub(crate) fn heal_later(&self, owner: &str, stale: Vec<Stale>) {
        if stale.is_empty() {
            return;
        }
        let (store, index) = (self.clone(), self.owner_keys(owner).index);
        tokio::spawn(async move {
            // What fails now is stale for the next one, too.
            let _ = store.heal(&index, &stale).await;
        });
    }

    /// The members of an index whose keys are no more.
    pub(crate) async fn keyless(&self, index: &str) -> Result<Vec<Stale>, StoreError> {
        let mut read = cmd("ZRANGE");
        read.arg(index).arg(0).arg(-1).arg("WITHSCORES");
        // One protocol tells scores as texts beside the members, the other one pairs with numbers.
        let members: Vec<(Vec<u8>, f64)> = self.ask(read).await?;
        let checks = members.iter().map(|(name, _)| {
            let mut exists = cmd("EXISTS");
            exists.arg([self.prefix.as_bytes(), name].concat());
            self.ask::<u64>(exists)
        });
        let exist = in_turns(checks).await;
        let mut stale = Vec::new();
        for ((name, score), exists) in members.into_iter().zip(exist) {
            if exists? == 0 {
                let score = score.to_string().into_bytes();
                stale.push(Stale(Member { name, score }));
            }
        }
        Ok(stale)
    }
}
