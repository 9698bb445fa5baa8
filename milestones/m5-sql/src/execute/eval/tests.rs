//! Expressions against PostgreSQL's answers, and against a row-at-a-time model.

use crate::error::Result;
use crate::execute::batch::Rows;
use crate::execute::eval::Evaluator;
use crate::execute::test_support::{columns, evaluate};
use crate::sql::expr::{BinaryOp, Expr, Function, UnaryOp};
use crate::types::{DataType, Value};
use proptest::prelude::*;

const INTEGER: DataType = DataType::Integer;

fn literal(value: Value, data_type: DataType) -> Expr {
    Expr::Literal { value, data_type }
}

fn integer(value: i32) -> Expr {
    literal(Value::Integer(value), INTEGER)
}

fn double(value: f64) -> Expr {
    literal(Value::Double(value), DataType::DoublePrecision)
}

fn text(value: &str) -> Expr {
    literal(Value::Text(value.to_string()), DataType::Text)
}

fn column(index: usize, data_type: DataType) -> Expr {
    Expr::Column { index, data_type }
}

fn binary(op: BinaryOp, left: Expr, right: Expr) -> Expr {
    use BinaryOp::*;
    match op {
        Add | Subtract | Multiply | Divide | Modulo | Concat => Expr::link(op, left, right),
        _ => Expr::Binary { op, left: Box::new(left), right: Box::new(right) },
    }
}

fn cast(operand: Expr, to: DataType, explicit: bool) -> Expr {
    Expr::Cast { operand: Box::new(operand), to, explicit }
}

fn call(function: Function, arguments: Vec<Expr>, data_type: DataType) -> Expr {
    Expr::Function { function, arguments, data_type }
}

fn texts(values: &[&str]) -> Vec<Vec<Value>> {
    values.iter().map(|value| vec![Value::Text(value.to_string())]).collect()
}

/// The value of an expression: as folded when it is constant, and as evaluated over a column, which must agree.
fn value(expr: &Expr) -> Result<Value> {
    let folded = super::constant(expr);
    let (mut types, mut row) = (Vec::new(), Vec::new());
    let variable = with_columns(expr, &mut types, &mut row);
    let computed = evaluate(&variable, &types, &[row]).map(|mut values| values.remove(0));
    match (&folded, &computed) {
        (Ok(a), Ok(b)) => assert_eq!(format!("{a:?}"), format!("{b:?}"), "{expr:?}"),
        (Err(a), Err(b)) => assert_eq!(a.message(), b.message()),
        (a, b) => panic!("{expr:?}: folded {a:?}, computed {b:?}"),
    }
    folded
}

/// The same expression with every literal operand replaced by a column that holds it.
fn with_columns(expr: &Expr, types: &mut Vec<DataType>, row: &mut Vec<Value>) -> Expr {
    let mut recurse = |expr: &Expr| Box::new(with_columns(expr, types, row));
    match expr {
        Expr::Literal { value, data_type } => {
            types.push(*data_type);
            row.push(value.clone());
            column(types.len() - 1, *data_type)
        }
        Expr::Binary { op, left, right } => {
            Expr::Binary { op: *op, left: recurse(left), right: recurse(right) }
        }
        Expr::Chain { first, rest } => Expr::Chain {
            first: recurse(first),
            rest: rest.iter().map(|(op, operand)| (*op, *recurse(operand))).collect(),
        },
        Expr::Unary { op, operand } => Expr::Unary { op: *op, operand: recurse(operand) },
        Expr::Cast { operand, to, explicit } => {
            Expr::Cast { operand: recurse(operand), to: *to, explicit: *explicit }
        }
        Expr::Function { function, arguments, data_type } => Expr::Function {
            function: *function,
            arguments: arguments.iter().map(|argument| *recurse(argument)).collect(),
            data_type: *data_type,
        },
        Expr::InList { operand, list, negated } => Expr::InList {
            operand: recurse(operand),
            list: list.iter().map(|item| *recurse(item)).collect(),
            negated: *negated,
        },
        other => other.clone(),
    }
}

fn code(expr: &Expr) -> String {
    let error = value(expr).unwrap_err();
    format!("{} {}", error.state().code(), error.message())
}

#[test]
fn arithmetic_overflows_where_the_type_does() {
    use BinaryOp::*;
    let small = |value| literal(Value::SmallInt(value), DataType::SmallInt);
    let big = |value| literal(Value::BigInt(value), DataType::BigInt);
    assert_eq!(code(&binary(Add, small(i16::MAX), small(1))), "22003 smallint out of range");
    assert_eq!(code(&binary(Multiply, integer(65536), integer(65536))), "22003 integer out of range");
    assert_eq!(code(&binary(Subtract, big(i64::MIN), big(1))), "22003 bigint out of range");
    assert_eq!(code(&binary(Divide, big(i64::MIN), big(-1))), "22003 bigint out of range");
    assert_eq!(code(&binary(Divide, small(i16::MIN), small(-1))), "22003 smallint out of range");
    assert_eq!(value(&binary(Modulo, big(i64::MIN), big(-1))).unwrap(), Value::BigInt(0));
    assert_eq!(value(&binary(Modulo, integer(-7), integer(3))).unwrap(), Value::Integer(-1));
    assert_eq!(value(&binary(Divide, integer(-7), integer(2))).unwrap(), Value::Integer(-3));
    assert_eq!(code(&binary(Modulo, integer(1), integer(0))), "22012 division by zero");
    assert_eq!(
        code(&Expr::Unary { op: UnaryOp::Negate, operand: Box::new(small(i16::MIN)) }),
        "22003 smallint out of range"
    );
    assert_eq!(
        code(&call(Function::Abs, vec![small(i16::MIN)], DataType::SmallInt)),
        "22003 smallint out of range"
    );
}

#[test]
fn doubles_overflow_as_postgresql_says() {
    use BinaryOp::*;
    assert_eq!(code(&binary(Multiply, double(1e308), double(10.0))), "22003 value out of range: overflow");
    assert_eq!(
        code(&binary(Multiply, double(1e-308), double(1e-300))),
        "22003 value out of range: underflow"
    );
    assert_eq!(code(&binary(Divide, double(1e-308), double(1e300))), "22003 value out of range: underflow");
    assert_eq!(code(&binary(Divide, double(1.0), double(0.0))), "22012 division by zero");
    assert!(
        matches!(value(&binary(Divide, double(f64::NAN), double(0.0))).unwrap(), Value::Double(n) if n.is_nan())
    );
    assert_eq!(value(&binary(Divide, double(1.0), double(f64::INFINITY))).unwrap(), Value::Double(0.0));
    assert_eq!(
        value(&binary(Add, double(f64::INFINITY), double(1.0))).unwrap(),
        Value::Double(f64::INFINITY)
    );
}

#[test]
fn nulls_raise_no_errors() {
    let types = [INTEGER, INTEGER];
    let rows = vec![vec![Value::Integer(1), Value::Null], vec![Value::Null, Value::Integer(0)]];
    for op in [BinaryOp::Divide, BinaryOp::Modulo, BinaryOp::Add] {
        let expr = binary(op, column(0, INTEGER), column(1, INTEGER));
        assert_eq!(evaluate(&expr, &types, &rows).unwrap(), [Value::Null, Value::Null]);
    }
}

#[test]
fn nan_equals_nan_and_exceeds_infinity() {
    use BinaryOp::*;
    let nan = || double(f64::NAN);
    assert_eq!(value(&binary(Equal, nan(), nan())).unwrap(), Value::Boolean(true));
    assert_eq!(value(&binary(Greater, nan(), double(f64::INFINITY))).unwrap(), Value::Boolean(true));
    assert_eq!(value(&binary(Less, double(1.0), nan())).unwrap(), Value::Boolean(true));
    assert_eq!(value(&binary(Equal, double(0.0), double(-0.0))).unwrap(), Value::Boolean(true));
}

#[test]
fn rows_that_a_guard_excludes_raise_no_error() {
    let x = || column(0, INTEGER);
    let quotient = || binary(BinaryOp::Greater, binary(BinaryOp::Divide, integer(1), x()), integer(0));
    let is_not_zero = || binary(BinaryOp::NotEqual, x(), integer(0));
    let rows: Vec<Vec<Value>> = [0, 1, -1].iter().map(|&n| vec![Value::Integer(n)]).collect();
    let guarded = binary(BinaryOp::And, is_not_zero(), quotient());
    let expected = [Value::Boolean(false), Value::Boolean(true), Value::Boolean(false)];
    assert_eq!(evaluate(&guarded, &[INTEGER], &rows).unwrap(), expected);
    let is_zero = binary(BinaryOp::Equal, x(), integer(0));
    let or = binary(BinaryOp::Or, is_zero, quotient());
    let expected = [Value::Boolean(true), Value::Boolean(true), Value::Boolean(false)];
    assert_eq!(evaluate(&or, &[INTEGER], &rows).unwrap(), expected);
    let mut picked = Vec::new();
    let input = columns(&[INTEGER], &rows);
    Evaluator::new(&or).unwrap().select(&input, Rows::First(3), &mut picked).unwrap();
    assert_eq!(picked, [0, 1]);
    let case = Expr::Case {
        branches: vec![(is_not_zero(), binary(BinaryOp::Divide, integer(10), x()))],
        otherwise: Box::new(literal(Value::Null, INTEGER)),
        data_type: INTEGER,
    };
    let expected = [Value::Null, Value::Integer(10), Value::Integer(-10)];
    assert_eq!(evaluate(&case, &[INTEGER], &rows).unwrap(), expected);
    assert!(evaluate(&quotient(), &[INTEGER], &rows).is_err());
}

#[test]
fn coalesce_evaluates_only_as_far_as_it_must() {
    let divided = binary(BinaryOp::Divide, integer(1), integer(0));
    let expr = call(Function::Coalesce, vec![column(0, INTEGER), divided], INTEGER);
    assert_eq!(evaluate(&expr, &[INTEGER], &[vec![Value::Integer(7)]]).unwrap(), [Value::Integer(7)]);
    assert!(evaluate(&expr, &[INTEGER], &[vec![Value::Null]]).is_err());
}

#[test]
fn functions_answer_what_postgresql_answers() {
    let substring = |from, count: Option<i32>| {
        let arguments = [text("hello"), integer(from)].into_iter().chain(count.map(integer)).collect();
        value(&call(Function::Substring, arguments, DataType::Text)).map(|value| value.to_string())
    };
    assert_eq!(substring(-1, Some(3)).unwrap(), "h");
    assert_eq!(substring(2, None).unwrap(), "ello");
    assert_eq!(substring(0, None).unwrap(), "hello");
    assert_eq!(substring(3, Some(0)).unwrap(), "");
    assert_eq!(substring(i32::MAX, Some(i32::MAX)).unwrap(), "");
    assert_eq!(substring(i32::MIN, Some(i32::MAX)).unwrap(), "");
    assert_eq!(substring(2, Some(-1)).unwrap_err().message(), "negative substring length not allowed");
    let of_text =
        |function, argument: &str| value(&call(function, vec![text(argument)], DataType::Text)).unwrap();
    assert_eq!(of_text(Function::Upper, "straße é").to_string(), "STRAßE É");
    assert_eq!(of_text(Function::Lower, "ÄB").to_string(), "äb");
    assert_eq!(of_text(Function::Trim, "  a b\t ").to_string(), "a b\t");
    assert_eq!(of_text(Function::TrimStart, "  ").to_string(), "");
    let length = |function| value(&call(function, vec![text("naïve")], INTEGER)).unwrap();
    assert_eq!(
        (length(Function::Length), length(Function::OctetLength)),
        (Value::Integer(5), Value::Integer(6))
    );
    let replaced = |a, b, c| value(&call(Function::Replace, vec![text(a), text(b), text(c)], DataType::Text));
    assert_eq!(replaced("abc", "", "x").unwrap().to_string(), "abc");
    assert_eq!(replaced("aaa", "aa", "b").unwrap().to_string(), "ba");
    assert_eq!(replaced(&"a".repeat(9000), "a", &"b".repeat(9000)).unwrap_err().state().code(), "54000");
    let rounded = |function, n| value(&call(function, vec![double(n)], DataType::DoublePrecision)).unwrap();
    assert_eq!(rounded(Function::Round, -0.5).to_string(), "-0");
    assert_eq!(rounded(Function::Round, 2.5), Value::Double(2.0));
    assert_eq!(rounded(Function::Ceiling, 1.2), Value::Double(2.0));
    let null = || literal(Value::Null, INTEGER);
    let of_three = |function| value(&call(function, vec![integer(1), null(), integer(3)], INTEGER)).unwrap();
    assert_eq!(
        (of_three(Function::Greatest), of_three(Function::Least)),
        (Value::Integer(3), Value::Integer(1))
    );
    assert_eq!(value(&call(Function::Least, vec![null()], INTEGER)).unwrap(), Value::Null);
    let null_if = |b| value(&call(Function::NullIf, vec![integer(1), b], INTEGER)).unwrap();
    assert_eq!((null_if(null()), null_if(integer(1))), (Value::Integer(1), Value::Null));
}

#[test]
fn casts_answer_what_postgresql_answers() {
    let three = DataType::Varchar(Some(3));
    assert_eq!(value(&cast(Expr::boolean(true), DataType::Text, true)).unwrap().to_string(), "true");
    assert_eq!(value(&cast(Expr::boolean(true), INTEGER, true)).unwrap(), Value::Integer(1));
    assert_eq!(value(&cast(integer(5), DataType::Boolean, true)).unwrap(), Value::Boolean(true));
    assert_eq!(value(&cast(double(2.5), INTEGER, true)).unwrap(), Value::Integer(2));
    assert_eq!(code(&cast(double(1e10), INTEGER, true)), "22003 integer out of range");
    assert_eq!(code(&cast(double(f64::NAN), DataType::BigInt, true)), "22003 bigint out of range");
    assert_eq!(code(&cast(integer(40000), DataType::SmallInt, false)), "22003 smallint out of range");
    assert_eq!(value(&cast(text(" 12 "), INTEGER, true)).unwrap(), Value::Integer(12));
    assert_eq!(code(&cast(text(""), INTEGER, true)), "22P02 invalid input syntax for type integer: \"\"");
    assert_eq!(
        code(&cast(text("99999999999"), INTEGER, true)),
        "22003 value \"99999999999\" is out of range for type integer"
    );
    assert_eq!(value(&cast(text("äbcd"), three, true)).unwrap().to_string(), "äbc");
    assert_eq!(value(&cast(text("äbc  "), three, false)).unwrap().to_string(), "äbc");
    assert_eq!(code(&cast(text("abcd"), three, false)), "22001 value too long for type character varying(3)");
    assert_eq!(value(&cast(integer(12345), three, true)).unwrap().to_string(), "123");
    assert_eq!(value(&cast(literal(Value::Null, DataType::Text), INTEGER, true)).unwrap(), Value::Null);
}

#[test]
fn in_lists_are_true_null_or_false() {
    let null = || literal(Value::Null, INTEGER);
    let within =
        |operand, list, negated| value(&Expr::InList { operand: Box::new(operand), list, negated }).unwrap();
    assert_eq!(within(integer(2), vec![integer(1), integer(2)], false), Value::Boolean(true));
    assert_eq!(within(integer(2), vec![null(), integer(2)], false), Value::Boolean(true));
    assert_eq!(within(integer(2), vec![null(), integer(2)], true), Value::Boolean(false));
    assert_eq!(within(integer(3), vec![integer(1), null()], false), Value::Null);
    assert_eq!(within(integer(3), vec![integer(1), null()], true), Value::Null);
    assert_eq!(within(integer(3), vec![integer(1)], true), Value::Boolean(true));
    assert_eq!(within(null(), vec![integer(1)], false), Value::Null);
    assert_eq!(within(double(-0.0), vec![double(0.0)], false), Value::Boolean(true));
    assert_eq!(within(text("b"), vec![text("a"), text("b")], false), Value::Boolean(true));
}

#[test]
fn like_takes_patterns_from_columns_too() {
    let like = |ignore_case, pattern| Expr::Like {
        operand: Box::new(column(0, DataType::Text)),
        pattern: Box::new(pattern),
        ignore_case,
        negated: false,
    };
    let answers = |expr: &Expr| {
        let rows = texts(&["Äpfel", "apfel", "a%", "\\"]);
        evaluate(expr, &[DataType::Text], &rows).unwrap().iter().map(Value::to_string).collect::<String>()
    };
    assert_eq!(answers(&like(true, text("äP_EL"))), "tfff");
    assert_eq!(answers(&like(false, text("a\\%"))), "fftf");
    let rows = texts(&["same", "%", "\\\\"]);
    let itself = like(false, column(0, DataType::Text));
    let found = evaluate(&itself, &[DataType::Text], &rows).unwrap();
    assert_eq!(found, [Value::Boolean(true), Value::Boolean(true), Value::Boolean(false)]);
}

#[test]
fn long_chains_and_deep_trees_do_not_overflow_the_stack() {
    let is = |n| binary(BinaryOp::Equal, column(0, INTEGER), integer(n));
    let rows = [vec![Value::Integer(9_999)], vec![Value::Integer(-1)]];
    let mut chain = is(0);
    for n in 1..10_000 {
        chain = binary(BinaryOp::Or, chain, is(n));
    }
    let evaluated = evaluate(&chain, &[INTEGER], &rows).unwrap();
    assert_eq!(evaluated, [Value::Boolean(true), Value::Boolean(false)]);
    drop_iteratively(chain);
    let mut deep = column(0, INTEGER);
    for _ in 0..10_000 {
        deep = binary(BinaryOp::Add, deep, integer(1));
    }
    assert_eq!(evaluate(&deep, &[INTEGER], &rows).unwrap()[1], Value::Integer(9_999));
    for _ in 0..1_200 {
        deep = Expr::Unary { op: UnaryOp::Negate, operand: Box::new(deep) };
    }
    assert_eq!(Evaluator::new(&deep).err().unwrap().state().code(), "54001");
    drop_iteratively(deep);
}

/// A tree as deep as the test's would overflow a test thread's stack in its own drop.
fn drop_iteratively(expr: Expr) {
    let mut pending = vec![expr];
    while let Some(expr) = pending.pop() {
        match expr {
            Expr::Binary { left, right, .. } => pending.extend([*left, *right]),
            Expr::Unary { operand, .. } => pending.push(*operand),
            _ => {}
        }
    }
}

/// A boolean expression over three boolean columns and one integer.
fn predicate() -> impl Strategy<Value = Expr> {
    let is_known = |op| move |n: i32| binary(op, column(3, INTEGER), integer(n));
    let leaf = prop_oneof![
        (0usize..3).prop_map(|index| column(index, DataType::Boolean)),
        proptest::option::of(any::<bool>())
            .prop_map(|value| literal(value.map_or(Value::Null, Value::Boolean), DataType::Boolean)),
        (0..4).prop_map(is_known(BinaryOp::Less)),
        (0..4).prop_map(is_known(BinaryOp::Equal)),
        (0..4).prop_map(is_known(BinaryOp::IsDistinctFrom)),
        (0..4).prop_map(is_known(BinaryOp::IsNotDistinctFrom)),
    ];
    leaf.prop_recursive(5, 40, 2, |inner| {
        let op = prop_oneof![
            3 => Just(BinaryOp::And), 3 => Just(BinaryOp::Or), 1 => Just(BinaryOp::Equal),
            1 => Just(BinaryOp::IsDistinctFrom), 1 => Just(BinaryOp::LessOrEqual),
        ];
        prop_oneof![
            (op, inner.clone(), inner.clone()).prop_map(|(op, left, right)| binary(op, left, right)),
            inner.clone().prop_map(|operand| Expr::Unary { op: UnaryOp::Not, operand: Box::new(operand) }),
            (inner.clone(), any::<bool>())
                .prop_map(|(operand, negated)| Expr::IsNull { operand: Box::new(operand), negated }),
            (inner.clone(), inner.clone(), inner).prop_map(|(condition, result, otherwise)| Expr::Case {
                branches: vec![(condition, result)],
                otherwise: Box::new(otherwise),
                data_type: DataType::Boolean,
            }),
        ]
    })
}

/// What the expression means for one row, by the truth tables.
fn model(expr: &Expr, row: &[Value]) -> Option<bool> {
    let truth = |value: &Value| match value {
        Value::Boolean(value) => Some(*value),
        _ => None,
    };
    match expr {
        Expr::Column { index, .. } => truth(&row[*index]),
        Expr::Literal { value, .. } => truth(value),
        Expr::Unary { operand, .. } => model(operand, row).map(|value| !value),
        Expr::IsNull { operand, negated } => Some(model(operand, row).is_none() != *negated),
        Expr::Case { branches, otherwise, .. } => match model(&branches[0].0, row) {
            Some(true) => model(&branches[0].1, row),
            _ => model(otherwise, row),
        },
        Expr::Binary { op, left, right } if left.data_type() == INTEGER => {
            let number = |expr: &Expr| match expr {
                Expr::Column { index, .. } => row[*index].clone(),
                Expr::Literal { value, .. } => value.clone(),
                _ => unreachable!(),
            };
            let to_i32 = |value| if let Value::Integer(n) = value { Some(n) } else { None };
            compare(*op, to_i32(number(left)), to_i32(number(right)))
        }
        Expr::Binary { op, left, right } => match (op, model(left, row), model(right, row)) {
            (BinaryOp::And, Some(false), _) | (BinaryOp::And, _, Some(false)) => Some(false),
            (BinaryOp::And, a, b) => a.and(b),
            (BinaryOp::Or, Some(true), _) | (BinaryOp::Or, _, Some(true)) => Some(true),
            (BinaryOp::Or, a, b) => a.and(b),
            (op, a, b) => compare(*op, a, b),
        },
        _ => unreachable!(),
    }
}

fn compare<T: PartialOrd>(op: BinaryOp, a: Option<T>, b: Option<T>) -> Option<bool> {
    match op {
        BinaryOp::IsDistinctFrom => Some(a != b),
        BinaryOp::IsNotDistinctFrom => Some(a == b),
        BinaryOp::Equal => Some(a? == b?),
        BinaryOp::Less => Some(a? < b?),
        _ => Some(a? <= b?),
    }
}

fn truth_row() -> impl Strategy<Value = Vec<Value>> {
    let truth = || proptest::option::of(any::<bool>()).prop_map(|b| b.map_or(Value::Null, Value::Boolean));
    let number = proptest::option::of(0..4).prop_map(|n| n.map_or(Value::Null, Value::Integer));
    (truth(), truth(), truth(), number).prop_map(|(a, b, c, n)| vec![a, b, c, n])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    #[test]
    fn logic_follows_the_truth_tables(
        expr in predicate(),
        rows in proptest::collection::vec(truth_row(), 1..100),
        chosen in proptest::collection::vec(any::<bool>(), 100),
    ) {
        let types = [DataType::Boolean, DataType::Boolean, DataType::Boolean, INTEGER];
        let input = columns(&types, &rows);
        let picks: Vec<u16> = (0..rows.len() as u16).filter(|&row| chosen[row as usize]).collect();
        let mut evaluator = Evaluator::new(&expr).unwrap();
        for rows_asked in [Rows::First(rows.len()), Rows::Picked(&picks)] {
            let (mut expected, mut wrong) = (Vec::new(), None);
            let vector = evaluator.evaluate(&input, rows_asked).unwrap();
            rows_asked.for_each(|row| {
                let truth = model(&expr, &rows[row]);
                if vector.value(row, DataType::Boolean).unwrap() != truth.map_or(Value::Null, Value::Boolean) {
                    wrong = Some(row);
                }
                if truth == Some(true) {
                    expected.push(row as u16);
                }
            });
            prop_assert_eq!(wrong, None);
            let mut picked = Vec::new();
            evaluator.select(&input, rows_asked, &mut picked).unwrap();
            prop_assert_eq!(picked, expected);
        }
    }
}
