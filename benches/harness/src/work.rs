//! What a request does.

/// One of the works that are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Work {
    Read,
    Update,
    Set,
    New,
    Unused,
    ReadOne,
    WriteOne,
    Garbage,
    Foreign,
    ReadMany,
    UpdateMany,
}

impl Work {
    pub const ALL: [Self; 11] = [
        Self::Read,
        Self::Update,
        Self::Set,
        Self::New,
        Self::Unused,
        Self::ReadOne,
        Self::WriteOne,
        Self::Garbage,
        Self::Foreign,
        Self::ReadMany,
        Self::UpdateMany,
    ];

    /// As it is called on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Update => "update",
            Self::Set => "set",
            Self::New => "new",
            Self::Unused => "unused",
            Self::ReadOne => "read-one",
            Self::WriteOne => "write-one",
            Self::Garbage => "garbage",
            Self::Foreign => "foreign",
            Self::ReadMany => "read-many",
            Self::UpdateMany => "update-many",
        }
    }

    /// As it is called in the tables.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Update => "write by `update`",
            Self::Set => "write by `set`",
            Self::New => "new session",
            Self::Unused => "session unused",
            Self::ReadOne => "read one field of ten",
            Self::WriteOne => "write one field of ten",
            Self::Garbage => "read, garbage cookie",
            Self::Foreign => "read, 20 other cookies",
            Self::ReadMany => "read, 10,000 sessions in turn",
            Self::UpdateMany => "`update`, 10,000 sessions in turn",
        }
    }

    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|work| work.name() == name)
    }

    /// The route that does it.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Read | Self::Garbage | Self::Foreign | Self::ReadMany => "/read",
            Self::Update | Self::New | Self::UpdateMany => "/update",
            Self::Set => "/set",
            Self::Unused => "/unused",
            Self::ReadOne => "/read_one",
            Self::WriteOne => "/write_one",
        }
    }

    /// Whether each request is of another session than the one before.
    #[must_use]
    pub fn is_many(self) -> bool {
        matches!(self, Self::ReadMany | Self::UpdateMany)
    }

    pub(crate) fn is_of_ten(self) -> bool {
        matches!(self, Self::ReadOne | Self::WriteOne)
    }
}
