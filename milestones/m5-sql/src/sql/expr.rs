//! Bound expressions: every name resolved to a column number, every node's type known.
//!
//! The binder makes them from sqlparser's tree; the planner moves them about; `execute` evaluates them a
//! batch at a time.

use crate::types::{DataType, Value};

/// An expression over the columns of one input row.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// The input's column at this position.
    Column {
        index: usize,
        data_type: DataType,
    },
    /// A constant, already of type `data_type` (NULL takes the type its context asks for).
    Literal {
        value: Value,
        data_type: DataType,
    },
    /// A constant that changes from one execution of the statement to the next: `$1` is number 0. Before each, it is
    /// given its value ([`super::parameters`]), of type `data_type`; nothing is decided by that value before.
    Parameter {
        number: usize,
        value: Value,
        data_type: DataType,
    },
    Unary {
        op: UnaryOp,
        operand: Box<Expr>,
    },
    /// A comparison of two operands of one type, or logic.
    Binary {
        op: BinaryOp,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    /// `first op operand op operand …`, computed from left to right: arithmetic or `||`, with operands of one type,
    /// which is the result's. It may have thousands of operands, so it is not as deep as it is long.
    Chain {
        first: Box<Expr>,
        rest: Vec<(BinaryOp, Expr)>,
    },
    /// A conversion, with an error where the value does not fit (`varchar(n)` truncates when `explicit`).
    Cast {
        operand: Box<Expr>,
        to: DataType,
        explicit: bool,
    },
    IsNull {
        operand: Box<Expr>,
        negated: bool,
    },
    /// `operand [NOT] IN (list)`: the list's items have the operand's type.
    InList {
        operand: Box<Expr>,
        list: Vec<Expr>,
        negated: bool,
    },
    /// `operand [NOT] LIKE pattern`, `ILIKE` when `ignore_case`; the backslash escapes.
    Like {
        operand: Box<Expr>,
        pattern: Box<Expr>,
        ignore_case: bool,
        negated: bool,
    },
    /// `CASE WHEN condition THEN result … ELSE otherwise END`; the results and `otherwise` are of `data_type`.
    Case {
        branches: Vec<(Expr, Expr)>,
        otherwise: Box<Expr>,
        data_type: DataType,
    },
    Function {
        function: Function,
        arguments: Vec<Expr>,
        data_type: DataType,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnaryOp {
    Not,
    Negate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinaryOp {
    And,
    Or,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    /// NULL-safe comparison: never NULL itself.
    IsDistinctFrom,
    IsNotDistinctFrom,
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Concat,
}

impl BinaryOp {
    /// Compares its operands and answers a boolean.
    pub fn is_comparison(self) -> bool {
        use BinaryOp::*;
        matches!(
            self,
            Equal
                | NotEqual
                | Less
                | LessOrEqual
                | Greater
                | GreaterOrEqual
                | IsDistinctFrom
                | IsNotDistinctFrom
        )
    }

    /// The operator that says the same with its operands exchanged, if this one compares.
    pub fn mirrored(self) -> BinaryOp {
        match self {
            BinaryOp::Less => BinaryOp::Greater,
            BinaryOp::LessOrEqual => BinaryOp::GreaterOrEqual,
            BinaryOp::Greater => BinaryOp::Less,
            BinaryOp::GreaterOrEqual => BinaryOp::LessOrEqual,
            other => other,
        }
    }

    pub fn symbol(self) -> &'static str {
        use BinaryOp::*;
        match self {
            And => "AND",
            Or => "OR",
            Equal => "=",
            NotEqual => "<>",
            Less => "<",
            LessOrEqual => "<=",
            Greater => ">",
            GreaterOrEqual => ">=",
            IsDistinctFrom => "IS DISTINCT FROM",
            IsNotDistinctFrom => "IS NOT DISTINCT FROM",
            Add => "+",
            Subtract => "-",
            Multiply => "*",
            Divide => "/",
            Modulo => "%",
            Concat => "||",
        }
    }
}

/// Functions of one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// Of the argument's type.
    Abs,
    /// `length(text)`, in characters; also `char_length`.
    Length,
    OctetLength,
    Lower,
    Upper,
    /// `trim`, `btrim`, `ltrim`, `rtrim` of spaces.
    Trim,
    TrimStart,
    TrimEnd,
    /// `substr(text, from [, count])`, counting characters from 1.
    Substring,
    Replace,
    /// `like_escape(pattern, escape)`: what `pattern ESCAPE escape` means.
    LikeEscape,
    /// `round(double precision)`, half to even as PostgreSQL's float8 does.
    Round,
    Floor,
    Ceiling,
    /// The first argument that is not NULL; all are of the result's type.
    Coalesce,
    /// NULL where both are equal, else the first.
    NullIf,
    Greatest,
    Least,
    /// `version()`.
    Version,
}

/// One aggregate of a query: a function over the rows of a group.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    pub function: AggregateFunction,
    /// `None` only for `count(*)`.
    pub argument: Option<Expr>,
    pub distinct: bool,
    pub data_type: DataType,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AggregateFunction {
    Count,
    /// Of smallint, integer and bigint: bigint (an error when it overflows); of double precision: the same.
    Sum,
    /// Always double precision (PostgreSQL answers numeric for integers).
    Avg,
    Min,
    Max,
    /// `bool_and`, `bool_or`.
    BoolAnd,
    BoolOr,
}

impl Expr {
    pub fn data_type(&self) -> DataType {
        match self {
            Expr::Column { data_type, .. }
            | Expr::Literal { data_type, .. }
            | Expr::Parameter { data_type, .. }
            | Expr::Case { data_type, .. }
            | Expr::Function { data_type, .. } => *data_type,
            Expr::Cast { to, .. } => *to,
            Expr::Unary { op: UnaryOp::Not, .. }
            | Expr::IsNull { .. }
            | Expr::InList { .. }
            | Expr::Like { .. } => DataType::Boolean,
            Expr::Unary { op: UnaryOp::Negate, operand } => operand.data_type(),
            Expr::Binary { .. } => DataType::Boolean,
            Expr::Chain { first, .. } if first.data_type().is_text() => DataType::Text,
            Expr::Chain { first, .. } => first.data_type(),
        }
    }

    /// `left op right` for an operator that makes chains; they grow on the right.
    pub fn link(op: BinaryOp, left: Expr, right: Expr) -> Expr {
        match left {
            Expr::Chain { first, mut rest } => {
                rest.push((op, right));
                Expr::Chain { first, rest }
            }
            left => Expr::Chain { first: Box::new(left), rest: vec![(op, right)] },
        }
    }

    pub fn boolean(value: bool) -> Expr {
        Expr::Literal { value: Value::Boolean(value), data_type: DataType::Boolean }
    }
}
