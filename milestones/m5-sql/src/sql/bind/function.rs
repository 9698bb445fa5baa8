//! Calls: which function or aggregate a name means for the types of its arguments.

use super::super::expr::{Aggregate, AggregateFunction, BinaryOp, Expr, Function};
use super::super::position::locate;
use super::coerce::{Typed, convert};
use super::expr::{AGGREGATES, Binder};
use super::{exact, name};
use crate::error::{Error, Result, SqlState};
use crate::types::{DataType, Value};
use sqlparser::ast::{
    self, CeilFloorKind, DuplicateTreatment, FunctionArg, FunctionArgExpr, FunctionArguments, Spanned,
    TrimWhereField,
};
use sqlparser::tokenizer::Span;

/// What ESCAPE calls. No name that is written has a dot.
pub const LIKE_ESCAPE: &str = "pg_catalog.like_escape";

/// A call's arguments as written.
struct Call<'c> {
    arguments: Vec<&'c ast::Expr>,
    star: bool,
    distinct: bool,
}

impl Binder<'_> {
    pub fn function(&mut self, function: &ast::Function) -> Result<Typed> {
        name::refuse_missing_schema(&function.name)
            .map_err(|error| locate(error, self.text, function.name.span()))?;
        let (name, span) = name::object(&function.name, self.text)?;
        let call = read_call(function)?;
        if name == "row" {
            return Err(Error::unsupported("a row constructor"));
        }
        match aggregate_function(&name) {
            Some(aggregate) => {
                let bound = self.aggregate(aggregate, &name, call, span);
                bound.map(|expr| Typed::known(expr).at(span))
            }
            None if call.star => Err(self.undefined(&name, &[], span)),
            None if call.distinct => {
                let message = format!("DISTINCT specified, but {name} is not an aggregate function");
                Err(locate(Error::new(SqlState::WrongObjectType, message), self.text, span))
            }
            None => {
                let mut arguments = Vec::with_capacity(call.arguments.len());
                for argument in call.arguments {
                    arguments.push(self.bind(argument)?);
                }
                self.scalar(&name, arguments, span)
            }
        }
    }

    /// `trim([LEADING | TRAILING | BOTH] FROM operand)`
    pub fn trim(&mut self, side: Option<TrimWhereField>, operand: &ast::Expr) -> Result<Typed> {
        let name = match side {
            None | Some(TrimWhereField::Both) => "btrim",
            Some(TrimWhereField::Leading) => "ltrim",
            Some(TrimWhereField::Trailing) => "rtrim",
        };
        let operand = self.bind(operand)?;
        self.scalar(name, vec![operand], Span::empty())
    }

    /// `substring(operand FROM start FOR count)`
    pub fn substring(
        &mut self,
        name: &str,
        operand: &ast::Expr,
        start: Option<&ast::Expr>,
        count: Option<&ast::Expr>,
    ) -> Result<Typed> {
        let mut arguments = vec![self.bind(operand)?];
        arguments.push(match start {
            Some(start) => self.bind(start)?,
            None => Typed::known(super::operator::literal(Value::Integer(1))),
        });
        if let Some(count) = count {
            arguments.push(self.bind(count)?);
        }
        // `substring(x FROM 'pattern')` and `substring(x FROM 'pattern' FOR 'escape')`. A string in quotes is a pattern, too.
        let is_pattern = |argument: &Typed| argument.unknown || argument.data_type().is_text();
        let is_null = |argument: &Typed| matches!(&argument.expr, Expr::Literal { value: Value::Null, .. });
        if let [operand, pattern, escape @ ..] = arguments.as_slice()
            && name == "substring"
            && is_pattern(operand)
            && is_pattern(pattern)
            && escape.iter().all(is_pattern)
            && !arguments.iter().any(is_null)
        {
            return Err(Error::unsupported("substring with a pattern"));
        }
        self.scalar(name, arguments, Span::empty())
    }

    /// `ceil` and `floor`, which sqlparser reads by themselves.
    pub fn rounding(&mut self, name: &str, operand: &ast::Expr, field: &CeilFloorKind) -> Result<Typed> {
        match field {
            CeilFloorKind::DateTimeField(ast::DateTimeField::NoDateTime) => {
                let operand = self.bind(operand)?;
                self.scalar(name, vec![operand], Span::empty())
            }
            _ => Err(Error::unsupported(format!("{name} with a second argument"))),
        }
    }

    pub fn scalar(&mut self, name: &str, arguments: Vec<Typed>, span: Span) -> Result<Typed> {
        use Function as F;
        let integer = DataType::Integer;
        let text = DataType::Text;
        let double = DataType::DoublePrecision;
        let own = [arguments.first().map_or(double, Typed::data_type)];
        let (function, parameters, result): (F, &[DataType], DataType) = match (name, arguments.as_slice()) {
            ("abs", [one]) if !one.unknown && one.data_type().is_integer() => (F::Abs, &own, one.data_type()),
            ("abs", [_]) => (F::Abs, &[double], double),
            ("round", [_]) => (F::Round, &[double], double),
            ("floor", [_]) => (F::Floor, &[double], double),
            ("ceil" | "ceiling", [_]) => (F::Ceiling, &[double], double),
            ("length" | "char_length" | "character_length", [_]) => (F::Length, &[text], integer),
            ("octet_length", [_]) => (F::OctetLength, &[text], integer),
            ("lower", [_]) => (F::Lower, &[text], text),
            ("upper", [_]) => (F::Upper, &[text], text),
            ("trim" | "btrim", [_]) => (F::Trim, &[text], text),
            ("ltrim", [_]) => (F::TrimStart, &[text], text),
            ("rtrim", [_]) => (F::TrimEnd, &[text], text),
            ("trim" | "btrim" | "ltrim" | "rtrim", [_, _]) => {
                return Err(Error::unsupported("trim of anything but spaces"));
            }
            ("substr" | "substring", [_, _]) => (F::Substring, &[text, integer], text),
            ("substr" | "substring", [_, _, _]) => (F::Substring, &[text, integer, integer], text),
            ("replace", [_, _, _]) => (F::Replace, &[text, text, text], text),
            ("like_escape" | LIKE_ESCAPE, [_, _]) => (F::LikeEscape, &[text, text], text),
            ("version", []) => (F::Version, &[], text),
            ("coalesce", [_, ..]) => return self.alike(F::Coalesce, "COALESCE", arguments, span),
            ("greatest", [_, ..]) => return self.alike(F::Greatest, "GREATEST", arguments, span),
            ("least", [_, ..]) => return self.alike(F::Least, "LEAST", arguments, span),
            ("nullif", [_, _]) => return self.null_if(arguments, span),
            _ => return Err(self.undefined(name, &arguments, span)),
        };
        if !arguments.iter().zip(parameters).all(|(argument, &parameter)| accepts(parameter, argument)) {
            return Err(self.undefined(name, &arguments, span));
        }
        let parameters = parameters.to_vec();
        let arguments = arguments
            .into_iter()
            .zip(parameters)
            .map(|(argument, parameter)| convert(self.text, argument, parameter))
            .collect::<Result<Vec<_>>>()?;
        Ok(Typed::known(Expr::Function { function, arguments, data_type: result }).at(span))
    }

    /// A function whose arguments and result are all of one type.
    fn alike(
        &mut self,
        function: Function,
        construct: &str,
        arguments: Vec<Typed>,
        span: Span,
    ) -> Result<Typed> {
        let (data_type, arguments) = self.match_types(construct, arguments)?;
        Ok(Typed::known(Expr::Function { function, arguments, data_type }).at(span))
    }

    /// `nullif(a, b)`: compared as `a = b` would be. The result is `a` as it was compared; of integers, as it was.
    fn null_if(&mut self, arguments: Vec<Typed>, span: Span) -> Result<Typed> {
        let Ok([left, right]) = <[Typed; 2]>::try_from(arguments) else {
            return Err(Error::internal("nullif takes two arguments"));
        };
        if exact::applies(&left, &right) {
            return self.null_if_exactly(left, right, span);
        }
        let names = (left.type_name(), right.type_name());
        let own = (!left.unknown).then_some(left.data_type());
        let Some(sides) = super::coerce::unify(self.text, left, right) else {
            return Err(super::operator::undefined("=", &names.0, &names.1, self.text, span));
        };
        let (left, right) = sides?;
        let compared = left.data_type();
        let call =
            Expr::Function { function: Function::NullIf, arguments: vec![left, right], data_type: compared };
        let expr = match own {
            Some(own) if own.is_integer() && compared.is_integer() && own != compared => {
                Expr::Cast { operand: Box::new(call), to: own, explicit: false }
            }
            _ => call,
        };
        Ok(Typed::known(expr).at(span))
    }

    /// The same for a decimal literal and an integer: compared exactly, the result a double.
    fn null_if_exactly(&mut self, left: Typed, right: Typed, span: Span) -> Result<Typed> {
        let data_type = DataType::DoublePrecision;
        let otherwise = Box::new(convert(self.text, left.clone(), data_type)?);
        let equal = super::operator::compare(self.text, BinaryOp::Equal, &[], left, right)?;
        let branches = vec![(equal, Expr::Literal { value: Value::Null, data_type })];
        Ok(Typed::known(Expr::Case { branches, otherwise, data_type }).at(span))
    }

    fn aggregate(
        &mut self,
        function: AggregateFunction,
        name: &str,
        call: Call<'_>,
        span: Span,
    ) -> Result<Expr> {
        use AggregateFunction as A;
        if self.in_aggregate || !self.takes_aggregates {
            let message = match self.in_aggregate {
                true => "aggregate function calls cannot be nested".to_string(),
                false => format!("aggregate functions are not allowed in {}", self.clause),
            };
            return Err(locate(Error::new(SqlState::GroupingError, message), self.text, span));
        }
        if call.star && function != A::Count {
            return Err(self.undefined(name, &[], span));
        }
        let argument = match (call.star, call.arguments.as_slice()) {
            (true, _) => None,
            (false, [argument]) => {
                self.in_aggregate = true;
                let bound = self.bind(argument);
                self.in_aggregate = false;
                Some(bound?)
            }
            (false, []) if function == A::Count => {
                let message = "count(*) must be used to call a parameterless aggregate function";
                return Err(locate(Error::new(SqlState::WrongObjectType, message), self.text, span));
            }
            (false, others) => {
                let arguments = others.iter().map(|other| self.bind(other)).collect::<Result<Vec<_>>>()?;
                return Err(self.undefined(name, &arguments, span));
            }
        };
        let argument_type = argument.as_ref().map(|argument| (argument.data_type(), argument.unknown));
        let data_type = match (function, argument_type) {
            (A::Count, _) => Some(DataType::BigInt),
            (A::Sum, Some((DataType::DoublePrecision, false))) => Some(DataType::DoublePrecision),
            (A::Sum, Some((of, false))) if of.is_integer() => Some(DataType::BigInt),
            (A::Avg, Some((of, false))) if of.is_numeric() => Some(DataType::DoublePrecision),
            (A::Min | A::Max, Some((of, _))) if of.is_text() => Some(DataType::Text),
            (A::Min | A::Max, Some((of, _))) if of.is_numeric() => Some(of),
            (A::BoolAnd | A::BoolOr, Some((DataType::Boolean, _) | (_, true))) => Some(DataType::Boolean),
            _ => None,
        };
        let Some(data_type) = data_type else {
            return Err(self.undefined(name, argument.as_slice(), span));
        };
        let argument = match argument {
            Some(argument) if argument.unknown && data_type == DataType::Boolean => {
                Some(convert(self.text, argument, DataType::Boolean)?)
            }
            other => other.map(|argument| argument.expr),
        };
        let aggregate = Aggregate { function, argument, distinct: call.distinct, data_type };
        Ok(Expr::column(AGGREGATES + self.collect(aggregate), data_type))
    }

    /// The number of the aggregate; the same one asked for twice is computed once.
    fn collect(&mut self, aggregate: Aggregate) -> usize {
        if let Some(number) = self.aggregates.iter().position(|known| *known == aggregate) {
            return number;
        }
        self.aggregates.push(aggregate);
        self.aggregates.len() - 1
    }

    fn undefined(&self, name: &str, arguments: &[Typed], span: Span) -> Error {
        if is_elsewhere(name) {
            return Error::unsupported(format!("function {name}"));
        }
        let types = arguments.iter().map(Typed::type_name).collect::<Vec<_>>().join(", ");
        let error =
            Error::new(SqlState::UndefinedFunction, format!("function {name}({types}) does not exist")).with_hint(
                "No function matches the given name and argument types. You might need to add explicit type casts.",
            );
        locate(error, self.text, span)
    }
}

/// Whether an argument converts silently to a parameter's type.
fn accepts(parameter: DataType, argument: &Typed) -> bool {
    argument.unknown || super::coerce::wider(argument.data_type(), parameter) == Some(parameter)
}

/// The functions of PostgreSQL's that somebody will look for. They exist, though not here.
fn is_elsewhere(name: &str) -> bool {
    const ELSEWHERE: &str = "acos age array_agg array_length array_to_string ascii asin atan atan2 bit_and bit_length bit_or \
        cardinality cbrt chr clock_timestamp concat concat_ws corr cos cosh cot covar_pop covar_samp \
        cume_dist current_catalog current_database current_date current_role current_schema current_setting \
        current_time current_timestamp current_user currval date_part date_trunc decode degrees dense_rank \
        div encode exp extract factorial first_value format gcd gen_random_uuid generate_series \
        generate_subscripts initcap json_agg json_build_object jsonb_agg justify_days lag last_value lastval \
        lcm lead left ln localtime localtimestamp log log10 lpad make_date md5 mod mode nextval now \
        nth_value ntile num_nonnulls num_nulls parse_ident percent_rank percentile_cont percentile_disc \
        pg_backend_pid pg_column_size pg_database_size pg_relation_size pg_size_pretty pg_sleep \
        pg_table_size pg_total_relation_size pg_typeof pi power quote_ident quote_literal quote_nullable \
        radians random rank regexp_count regexp_like regexp_match regexp_matches regexp_replace \
        regexp_split_to_array regexp_split_to_table regexp_substr regr_slope repeat reverse right row_number \
        row_to_json rpad session_user set_config setseed setval sha256 sign sin sinh split_part sqrt \
        starts_with statement_timestamp stddev stddev_pop stddev_samp string_agg string_to_array \
        string_to_table strpos tan tanh to_char to_date to_hex to_json to_number to_timestamp \
        transaction_timestamp translate trunc txid_current unnest user var_pop var_samp variance \
        width_bucket xmlagg";
    ELSEWHERE.split_ascii_whitespace().any(|word| word == name)
}

pub fn aggregate_function(name: &str) -> Option<AggregateFunction> {
    Some(match name {
        "count" => AggregateFunction::Count,
        "sum" => AggregateFunction::Sum,
        "avg" => AggregateFunction::Avg,
        "min" => AggregateFunction::Min,
        "max" => AggregateFunction::Max,
        "bool_and" | "every" => AggregateFunction::BoolAnd,
        "bool_or" => AggregateFunction::BoolOr,
        _ => return None,
    })
}

fn read_call(function: &ast::Function) -> Result<Call<'_>> {
    if function.over.is_some() {
        return Err(Error::unsupported("a window function"));
    }
    if function.filter.is_some() {
        return Err(Error::unsupported("FILTER"));
    }
    if !function.within_group.is_empty() || function.null_treatment.is_some() {
        return Err(Error::unsupported("WITHIN GROUP"));
    }
    let mut call = Call { arguments: Vec::new(), star: false, distinct: false };
    let list = match &function.args {
        FunctionArguments::None => return Ok(call),
        FunctionArguments::Subquery(_) => return Err(Error::unsupported("a subquery")),
        FunctionArguments::List(list) => list,
    };
    if !list.clauses.is_empty() {
        return Err(Error::unsupported("ORDER BY in a function's arguments"));
    }
    call.distinct = list.duplicate_treatment == Some(DuplicateTreatment::Distinct);
    for argument in &list.args {
        match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => call.arguments.push(expr),
            FunctionArg::Unnamed(FunctionArgExpr::Wildcard) if list.args.len() == 1 && !call.distinct => {
                call.star = true;
            }
            _ => return Err(Error::unsupported("this kind of argument")),
        }
    }
    Ok(call)
}
