//! Expressions: made of any bytes, written as SQL, and evaluated here as plainly as can be.

use std::fmt;

use arbitrary::Arbitrary;

use super::errors::Errors;

/// A row of the model's one table: three numbers, a text, a truth.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    /// integer, smallint, bigint
    pub numbers: [Option<i64>; 3],
    pub text: Option<String>,
    pub truth: Option<bool>,
}

/// A column that holds numbers.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    A,
    B,
    C,
}

impl Column {
    pub fn width(self) -> Width {
        [Width::Integer, Width::Small, Width::Big][self as usize]
    }

    pub fn name(self) -> &'static str {
        ["a", "b", "c"][self as usize]
    }
}

/// The type of a number; the wider one of two is that of what is calculated of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Width {
    Small,
    Integer,
    Big,
}

impl Width {
    pub fn holds(self, number: i128) -> bool {
        match self {
            Width::Small => i16::try_from(number).is_ok(),
            Width::Integer => i32::try_from(number).is_ok(),
            Width::Big => i64::try_from(number).is_ok(),
        }
    }
}

#[derive(Arbitrary, Clone, Debug)]
pub enum Number {
    Column(Column),
    Few(i8),
    Some(i32),
    Null,
    Calculate(Box<Number>, Operator, Box<Number>),
    Minus(Box<Number>),
    Coalesce(Box<Number>, Box<Number>),
    NullIf(Box<Number>, i8),
    Case(Box<Condition>, Box<Number>, Box<Number>),
    Length(Text),
}

#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

#[derive(Arbitrary, Clone, Debug)]
pub enum Text {
    Column,
    Literal(Word),
    Joined(Word),
    Upper,
}

/// Few texts, so that they are equal often; one needs its quotes doubled, and one is not ASCII.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Word {
    Empty,
    A,
    Ab,
    B,
    Quote,
    Wide,
}

impl Word {
    pub fn text(self) -> &'static str {
        ["", "a", "ab", "b", "it's", "ä%_"][self as usize]
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}'", self.text().replace('\'', "''"))
    }
}

#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    fn holds<T: Ord>(self, one: &T, other: &T) -> bool {
        match self {
            Comparison::Equal => one == other,
            Comparison::NotEqual => one != other,
            Comparison::Less => one < other,
            Comparison::LessOrEqual => one <= other,
            Comparison::Greater => one > other,
            Comparison::GreaterOrEqual => one >= other,
        }
    }
}

#[derive(Arbitrary, Clone, Debug)]
pub enum Condition {
    Truth,
    Known(Option<bool>),
    Compare(Number, Comparison, Number),
    /// A column and a constant: what an index is for.
    Key(Column, Comparison, i8),
    Texts(Text, Comparison, Text),
    Like(Text, Pattern),
    IsNull(Column),
    TextIsNull,
    Distinct(Number, Number),
    In(Number, Vec<Option<i8>>),
    Between(Number, i8, i8),
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
    Not(Box<Condition>),
    Is(Box<Condition>, Option<bool>),
    IsNot(Box<Condition>, Option<bool>),
}

#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Pattern {
    Anything,
    Begins,
    Ends,
    One,
    Escaped,
}

impl Pattern {
    fn sql(self) -> &'static str {
        ["%", "a%", "%b", "_", "%\\%\\_"][self as usize]
    }

    fn matches(self, text: &str) -> bool {
        match self {
            Pattern::Anything => true,
            Pattern::Begins => text.starts_with('a'),
            Pattern::Ends => text.ends_with('b'),
            Pattern::One => text.chars().count() == 1,
            Pattern::Escaped => text.ends_with("%_"),
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Number::Column(column) => f.write_str(column.name()),
            // A minus before a literal is an operator: in parentheses, whatever stands around it.
            Number::Few(number) => write!(f, "({number})"),
            Number::Some(number) => write!(f, "({number})"),
            Number::Null => f.write_str("NULL::integer"),
            Number::Calculate(one, operator, other) => {
                write!(f, "({one} {} {other})", ["+", "-", "*", "/", "%"][*operator as usize])
            }
            Number::Minus(one) => write!(f, "(- {one})"),
            Number::Coalesce(one, other) => write!(f, "coalesce({one}, {other})"),
            Number::NullIf(one, other) => write!(f, "nullif({one}, ({other}))"),
            Number::Case(condition, one, other) => {
                write!(f, "CASE WHEN {condition} THEN {one} ELSE {other} END")
            }
            Number::Length(text) => write!(f, "length({text})"),
        }
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Text::Column => f.write_str("s"),
            Text::Literal(word) => write!(f, "{word}"),
            Text::Joined(word) => write!(f, "(s || {word})"),
            Text::Upper => f.write_str("upper(s)"),
        }
    }
}

fn comparison(comparison: Comparison) -> &'static str {
    ["=", "<>", "<", "<=", ">", ">="][comparison as usize]
}

fn truth(truth: Option<bool>) -> &'static str {
    match truth {
        None => "NULL",
        Some(true) => "TRUE",
        Some(false) => "FALSE",
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is = |known: &Option<bool>| known.map_or("UNKNOWN", |known| truth(Some(known)));
        match self {
            Condition::Truth => f.write_str("d"),
            Condition::Known(known) => write!(f, "{}::boolean", truth(*known)),
            Condition::Compare(one, op, other) => write!(f, "({one} {} {other})", comparison(*op)),
            Condition::Key(column, op, key) => write!(f, "({} {} ({key}))", column.name(), comparison(*op)),
            Condition::Texts(one, op, other) => write!(f, "({one} {} {other})", comparison(*op)),
            Condition::Like(text, pattern) => write!(f, "({text} LIKE '{}')", pattern.sql()),
            Condition::IsNull(column) => write!(f, "({} IS NULL)", column.name()),
            Condition::TextIsNull => f.write_str("(s IS NULL)"),
            Condition::Distinct(one, other) => write!(f, "({one} IS DISTINCT FROM {other})"),
            Condition::In(one, list) => {
                let list: Vec<String> =
                    list.iter().map(|item| item.map_or("NULL".into(), |item| format!("({item})"))).collect();
                write!(f, "({one} IN ({}))", if list.is_empty() { "0".into() } else { list.join(", ") })
            }
            Condition::Between(one, low, high) => write!(f, "({one} BETWEEN ({low}) AND ({high}))"),
            Condition::And(one, other) => write!(f, "({one} AND {other})"),
            Condition::Or(one, other) => write!(f, "({one} OR {other})"),
            Condition::Not(one) => write!(f, "(NOT {one})"),
            Condition::Is(one, known) => write!(f, "({one} IS {})", is(known)),
            Condition::IsNot(one, known) => write!(f, "({one} IS NOT {})", is(known)),
        }
    }
}

impl Number {
    pub fn width(&self) -> Width {
        match self {
            Number::Column(column) => column.width(),
            // The literal is positive, and only then negated: the smallest integer does not fit an integer.
            Number::Some(i32::MIN) => Width::Big,
            Number::Few(_) | Number::Some(_) | Number::Null | Number::Length(_) => Width::Integer,
            Number::Calculate(one, _, other) | Number::Coalesce(one, other) | Number::Case(_, one, other) => {
                one.width().max(other.width())
            }
            Number::Minus(one) | Number::NullIf(one, _) => one.width(),
        }
    }

    /// The value for a row; `None` is NULL. What goes wrong is noted in `errors`.
    pub fn value(&self, row: &Row, errors: &mut Errors) -> Option<i64> {
        let fit = |number: i128, errors: &mut Errors| match self.width().holds(number) {
            true => Some(number as i64),
            false => errors.hard("22003"),
        };
        match self {
            Number::Column(column) => row.numbers[*column as usize],
            Number::Few(number) => Some(i64::from(*number)),
            Number::Some(number) => Some(i64::from(*number)),
            Number::Null => None,
            Number::Calculate(one, operator, other) => {
                let (one, other) = (one.value(row, errors), other.value(row, errors));
                let (one, other) = (i128::from(one?), i128::from(other?));
                match operator {
                    Operator::Add => fit(one + other, errors),
                    Operator::Subtract => fit(one - other, errors),
                    Operator::Multiply => fit(one * other, errors),
                    Operator::Divide | Operator::Remainder if other == 0 => errors.hard("22012"),
                    Operator::Divide => fit(one / other, errors),
                    Operator::Remainder => fit(one % other, errors),
                }
            }
            Number::Minus(one) => {
                let one = one.value(row, errors)?;
                fit(-i128::from(one), errors)
            }
            Number::Coalesce(one, other) => {
                let one = one.value(row, errors);
                one.or_else(|| other.value(row, errors))
            }
            Number::NullIf(one, other) => one.value(row, errors).filter(|one| *one != i64::from(*other)),
            Number::Case(condition, one, other) => match condition.holds(row, errors) {
                Some(true) => one.value(row, errors),
                _ => other.value(row, errors),
            },
            Number::Length(text) => text.value(row).map(|text| text.chars().count() as i64),
        }
    }
}

impl Text {
    pub fn value(&self, row: &Row) -> Option<String> {
        match self {
            Text::Column => row.text.clone(),
            Text::Literal(word) => Some(word.text().into()),
            Text::Joined(word) => row.text.as_ref().map(|text| format!("{text}{}", word.text())),
            Text::Upper => row.text.as_ref().map(|text| text.to_uppercase()),
        }
    }
}

impl Condition {
    /// Whether it holds for a row; `None` is unknown.
    pub fn holds(&self, row: &Row, errors: &mut Errors) -> Option<bool> {
        match self {
            Condition::Truth => row.truth,
            Condition::Known(known) => *known,
            Condition::Compare(one, op, other) => {
                let (one, other) = (one.value(row, errors), other.value(row, errors));
                Some(op.holds(&one?, &other?))
            }
            Condition::Key(column, op, key) => {
                Some(op.holds(&row.numbers[*column as usize]?, &i64::from(*key)))
            }
            // By their bytes.
            Condition::Texts(one, op, other) => Some(op.holds(&one.value(row)?, &other.value(row)?)),
            Condition::Like(text, pattern) => Some(pattern.matches(&text.value(row)?)),
            Condition::IsNull(column) => Some(row.numbers[*column as usize].is_none()),
            Condition::TextIsNull => Some(row.text.is_none()),
            Condition::Distinct(one, other) => Some(one.value(row, errors) != other.value(row, errors)),
            Condition::In(one, list) => {
                let one = one.value(row, errors)?;
                let list = if list.is_empty() { &[Some(0)][..] } else { list };
                match list.iter().flatten().any(|item| i64::from(*item) == one) {
                    true => Some(true),
                    false if list.contains(&None) => None,
                    false => Some(false),
                }
            }
            Condition::Between(one, low, high) => {
                let one = one.value(row, errors)?;
                Some((i64::from(*low)..=i64::from(*high)).contains(&one))
            }
            Condition::And(one, other) => errors.either(
                |e| one.holds(row, e),
                |e| other.holds(row, e),
                Some(false),
                |a, b| match (a, b) {
                    (Some(true), Some(true)) => Some(true),
                    _ => None,
                },
            ),
            Condition::Or(one, other) => errors.either(
                |e| one.holds(row, e),
                |e| other.holds(row, e),
                Some(true),
                |a, b| match (a, b) {
                    (Some(false), Some(false)) => Some(false),
                    _ => None,
                },
            ),
            Condition::Not(one) => one.holds(row, errors).map(|one| !one),
            Condition::Is(one, known) => Some(one.holds(row, errors) == *known),
            Condition::IsNot(one, known) => Some(one.holds(row, errors) != *known),
        }
    }
}
