//! What looks at all keys: a SCAN of every master, a bounded step at a time.

use std::{collections::HashSet, fmt};

#[cfg(feature = "cluster")]
use redis::cluster_routing::Slot;
use redis::{Cmd, cmd};
use session_core::StoreError;

#[cfg(feature = "cluster")]
use crate::{error::store_error, reply};
use crate::{
    keys::id_of,
    store::{Connection, RedisStore},
};

/// How many keys the server looks at in one step; other commands get between the steps.
const STEP: usize = 1_000;

/// Where the keys are.
#[derive(Clone)]
pub(crate) enum Nodes {
    One,
    #[cfg(feature = "cluster")]
    Cluster(crate::ClusterLinks),
}

impl Nodes {
    pub(crate) fn is_one(&self) -> bool {
        matches!(self, Self::One)
    }
}

impl fmt::Debug for Nodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_one() { "One" } else { "Cluster" })
    }
}

/// One master: named by any slot of its own.
enum Master {
    Only,
    #[cfg(feature = "cluster")]
    WithSlot(crate::ClusterLinks, Slot),
}

impl<C: Connection> RedisStore<C> {
    pub(crate) async fn count_keys(&self) -> Result<u64, StoreError> {
        // An owner's keys have no hex digit there. A SCAN may show a key twice.
        let pattern = format!("{}[0-9a-f]*", escaped(&self.prefix));
        let mut seen = HashSet::new();
        for master in self.masters().await? {
            let mut cursor = 0;
            loop {
                let (next, keys) = self.step(&master, cursor, &pattern).await?;
                let ids = keys
                    .iter()
                    .filter_map(|key| key.strip_prefix(&*self.prefix));
                seen.extend(ids.filter_map(|id| id_of(id.as_bytes())));
                cursor = next;
                if cursor == 0 {
                    break;
                }
            }
        }
        Ok(seen.len() as u64)
    }

    /// Redis removes the dead by itself; what stays behind are members of indexes.
    pub(crate) async fn prune(&self, at_most: usize) -> Result<u64, StoreError> {
        let pattern = format!("{}owner:{{*}}", escaped(&self.prefix));
        let mut left = at_most;
        for master in self.masters().await? {
            let mut cursor = 0;
            while left > 0 {
                let (next, indexes) = self.step(&master, cursor, &pattern).await?;
                for index in indexes {
                    let mut stale = self.keyless(&index).await?;
                    stale.truncate(left);
                    if !stale.is_empty() {
                        let removed = self.heal(&index, &stale).await?;
                        left -= usize::try_from(removed).map_or(left, |removed| removed.min(left));
                    }
                }
                cursor = next;
                if cursor == 0 {
                    break;
                }
            }
        }
        Ok((at_most - left) as u64)
    }

    async fn step(
        &self,
        master: &Master,
        cursor: u64,
        pattern: &str,
    ) -> Result<(u64, Vec<String>), StoreError> {
        let mut scan = cmd("SCAN");
        scan.arg(cursor)
            .arg("MATCH")
            .arg(pattern)
            .arg("COUNT")
            .arg(STEP);
        let answer: (u64, Vec<Vec<u8>>) = self.ask_on(master, scan).await?;
        // Whose name is no text is none of ours.
        let keys = answer.1.into_iter();
        let keys = keys.filter_map(|key| String::from_utf8(key).ok());
        Ok((answer.0, keys.collect()))
    }

    async fn ask_on<T: redis::FromRedisValue>(
        &self,
        master: &Master,
        command: Cmd,
    ) -> Result<T, StoreError> {
        match master {
            Master::Only => self.ask(command).await,
            #[cfg(feature = "cluster")]
            Master::WithSlot(cluster, slot) => {
                let answer = cluster.ask_master(*slot, command).await;
                reply::answer(answer)
            }
        }
    }

    #[cfg_attr(
        not(feature = "cluster"),
        expect(clippy::unused_async, reason = "only a cluster has to be asked")
    )]
    async fn masters(&self) -> Result<Vec<Master>, StoreError> {
        #[cfg(feature = "cluster")]
        if let Nodes::Cluster(cluster) = &self.nodes {
            let masters = cluster.masters().await.map_err(store_error)?;
            let first = masters
                .iter()
                .filter_map(|slots| Slot::new(*slots.first()?.start()));
            let master = |slot| Master::WithSlot(cluster.clone(), slot);
            return Ok(first.map(master).collect());
        }
        Ok(vec![Master::Only])
    }
}

/// A prefix as a pattern that matches only itself.
fn escaped(prefix: &str) -> String {
    let mut pattern = String::with_capacity(prefix.len());
    for char in prefix.chars() {
        if "*?[]^\\-".contains(char) {
            pattern.push('\\');
        }
        pattern.push(char);
    }
    pattern
}
