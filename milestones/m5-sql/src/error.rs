//! Errors as PostgreSQL reports them: a SQLSTATE for programs, a sentence for people.
//!
//! The SQLSTATE codes and, wherever PostgreSQL has one, the wording are PostgreSQL's
//! (`src/backend/utils/errcodes.txt`). An error about stored bytes names the file and the place in it.

use std::fmt;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Declares [`SqlState`] from one table, so that a condition cannot exist without its code.
macro_rules! sql_states {
    ($($name:ident = $code:literal,)*) => {
        /// The condition of an error, named and numbered as in PostgreSQL's Appendix A.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum SqlState { $($name,)* }

        impl SqlState {
            /// The five characters that programs compare.
            pub fn code(self) -> &'static str {
                match self { $(SqlState::$name => $code,)* }
            }
        }
    };
}

sql_states! {
    FeatureNotSupported = "0A000",
    CardinalityViolation = "21000",
    StringDataRightTruncation = "22001",
    NumericValueOutOfRange = "22003",
    SubstringError = "22011",
    DivisionByZero = "22012",
    InvalidRowCountInLimitClause = "2201W",
    InvalidRowCountInResultOffsetClause = "2201X",
    CharacterNotInRepertoire = "22021",
    InvalidParameterValue = "22023",
    InvalidEscapeSequence = "22025",
    InvalidTextRepresentation = "22P02",
    BadCopyFileFormat = "22P04",
    NotNullViolation = "23502",
    UniqueViolation = "23505",
    ActiveSqlTransaction = "25001",
    ReadOnlySqlTransaction = "25006",
    NoActiveSqlTransaction = "25P01",
    InFailedSqlTransaction = "25P02",
    DependentObjectsStillExist = "2BP01",
    InvalidSchemaName = "3F000",
    SyntaxError = "42601",
    InsufficientPrivilege = "42501",
    DuplicateColumn = "42701",
    AmbiguousColumn = "42702",
    UndefinedColumn = "42703",
    UndefinedObject = "42704",
    GroupingError = "42803",
    DatatypeMismatch = "42804",
    WrongObjectType = "42809",
    CannotCoerce = "42846",
    UndefinedFunction = "42883",
    ReservedName = "42939",
    UndefinedTable = "42P01",
    UndefinedParameter = "42P02",
    DuplicateTable = "42P07",
    AmbiguousFunction = "42725",
    InvalidColumnReference = "42P10",
    InvalidTableDefinition = "42P16",
    IndeterminateDatatype = "42P18",
    NameTooLong = "42622",
    InsufficientResources = "53000",
    DiskFull = "53100",
    OutOfMemory = "53200",
    ProgramLimitExceeded = "54000",
    StatementTooComplex = "54001",
    TooManyColumns = "54011",
    ObjectNotInPrerequisiteState = "55000",
    ObjectInUse = "55006",
    QueryCanceled = "57014",
    LockFileExists = "F0001",
    IoError = "58030",
    UndefinedFile = "58P01",
    DuplicateFile = "58P02",
    InternalError = "XX000",
    DataCorrupted = "XX001",
    IndexCorrupted = "XX002",
}

/// One error. Boxed, so that a `Result` on a hot path stays one word wide.
#[derive(Debug)]
pub struct Error(Box<Report>);

#[derive(Debug)]
struct Report {
    state: SqlState,
    message: String,
    detail: Option<String>,
    hint: Option<String>,
    context: Option<String>,
    position: Option<usize>,
    source: Option<std::io::Error>,
}

impl Error {
    pub fn new(state: SqlState, message: impl Into<String>) -> Error {
        Error(Box::new(Report {
            state,
            message: message.into(),
            detail: None,
            hint: None,
            context: None,
            position: None,
            source: None,
        }))
    }

    /// Stored bytes that break an invariant: `place` names the file and where in it.
    pub fn corrupted(place: impl fmt::Display, what: impl fmt::Display) -> Error {
        Error::new(SqlState::DataCorrupted, format!("{place}: {what}"))
    }

    /// A promise between two parts of the engine was broken; never the user's fault.
    pub fn internal(what: impl fmt::Display) -> Error {
        Error::new(SqlState::InternalError, what.to_string())
    }

    pub fn unsupported(what: impl fmt::Display) -> Error {
        Error::new(SqlState::FeatureNotSupported, format!("{what} is not supported"))
    }

    /// A failed call to the operating system: `action` is a verb ("write"), `path` the file.
    pub fn io(action: &str, path: impl fmt::Display, source: std::io::Error) -> Error {
        let state = match source.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => SqlState::DiskFull,
            std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
                SqlState::InsufficientPrivilege
            }
            std::io::ErrorKind::NotFound => SqlState::UndefinedFile,
            _ => SqlState::IoError,
        };
        let reason = source.to_string();
        // What the system calls it is for people; its number is not.
        let reason = reason.split(" (os error").next().unwrap_or_default();
        let mut error = Error::new(state, format!("could not {action} file \"{path}\": {reason}"));
        error.0.source = Some(source);
        error
    }

    pub fn with_detail(mut self, detail: impl Into<String>) -> Error {
        self.0.detail = Some(detail.into());
        self
    }

    /// Says where: for whoever knows the place of what somebody below has found to be damaged.
    pub fn at(mut self, place: impl fmt::Display) -> Error {
        self.0.message = format!("{place}: {}", self.0.message);
        self
    }

    pub fn with_hint(mut self, hint: impl Into<String>) -> Error {
        self.0.hint = Some(hint.into());
        self
    }

    /// Where in the data of a COPY.
    pub fn with_context(mut self, context: impl Into<String>) -> Error {
        self.0.context = Some(context.into());
        self
    }

    /// Where in the statement's text, as a count of characters from its start.
    pub fn with_position(mut self, position: usize) -> Error {
        self.0.position = Some(position);
        self
    }

    pub fn state(&self) -> SqlState {
        self.0.state
    }

    pub fn message(&self) -> &str {
        &self.0.message
    }

    pub fn detail(&self) -> Option<&str> {
        self.0.detail.as_deref()
    }

    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    pub fn context(&self) -> Option<&str> {
        self.0.context.as_deref()
    }

    pub fn position(&self) -> Option<usize> {
        self.0.position
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|source| source as _)
    }
}
