//! The scripts, and how they are called: by their hash, and by their text where the server does not know it yet.

use std::sync::LazyLock;

use redis::{Cmd, ErrorKind, FromRedisValue, RedisError, ServerErrorKind, aio::ConnectionLike};

/// Lua unpacks some 8,000 values at once, two for each field. A session has 256 fields at most, if nobody allows more.
pub(crate) const MAX_UNPACKED: usize = 1000;

macro_rules! scripts {
    ($($name:ident = $($file:literal)*;)*) => {$(
        pub(crate) static $name: LazyLock<Script> = LazyLock::new(|| Script::new(concat!(
            $(include_str!(concat!("scripts/", $file)),)*
        )));
    )*};
}

scripts! {
    LOAD = "load.lua";
    CREATE_FIELDS = "numbers.lua" "create_fields.lua";
    COMMIT_FIELDS = "numbers.lua" "hash.lua" "commit_fields.lua";
    CREATE = "numbers.lua" "common.lua" "create.lua";
    COMMIT = "numbers.lua" "common.lua" "hash.lua" "commit.lua";
    DELETE = "numbers.lua" "common.lua" "delete.lua";
    ENROL = "numbers.lua" "common.lua" "enrol.lua";
    MEMBERS = "numbers.lua" "common.lua" "members.lua";
    REVOKE = "numbers.lua" "common.lua" "revoke.lua";
    HEAL = "numbers.lua" "common.lua" "heal.lua";
}

/// A text of Lua and its hash.
pub(crate) struct Script {
    text: &'static str,
    hash: String,
}

impl Script {
    fn new(text: &'static str) -> Self {
        let hash = redis::Script::new(text).get_hash().to_owned();
        Self { text, hash }
    }

    /// One round trip; two where the server has never seen the script, which then has not run.
    pub(crate) async fn call<C: ConnectionLike, T: FromRedisValue>(
        &self,
        connection: &mut C,
        keys: &[&[u8]],
        args: &[&[u8]],
    ) -> Result<T, RedisError> {
        let by_hash = command("EVALSHA", &self.hash, keys, args);
        match by_hash.query_async(connection).await {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                let by_text = command("EVAL", self.text, keys, args);
                by_text.query_async(connection).await
            }
            answer => answer,
        }
    }
}

fn command(name: &'static str, script: &str, keys: &[&[u8]], args: &[&[u8]]) -> Cmd {
    let parts = keys.iter().chain(args);
    let size = parts.clone().map(|part| part.len()).sum::<usize>();
    let mut command = Cmd::with_capacity(3 + keys.len() + args.len(), 16 + script.len() + size);
    command.arg(name).arg(script).arg(keys.len());
    for part in parts {
        command.arg(part);
    }
    command
}
