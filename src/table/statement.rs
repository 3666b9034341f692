//! The vendor's statement: a file with a column of order IDs, and perhaps of numbers, times, interfaces and amounts.
//!
//! Read by the same path as an input, so every encoding and dialect is taken, and each pass proves that the file is still the
//! same. Cells are only read here, never judged: a number or a time that cannot be read is handed out as such, since what it
//! means for money is for others to say. How it fails: without a column of order IDs, with the columns that there are.

use std::path::Path;
use std::str::FromStr;

use super::column::{KNOWN, Kind};
use super::error::InputError;
use super::opened::Table;
use super::reading::ReadOptions;
use super::row::Row;
use super::rows::Rows;
use crate::domain::cell;
use crate::domain::moment::Moment;
use crate::domain::money::Money;
use crate::domain::subject::Subject;
use crate::domain::text::is_invisible;

const ORDER: Kind = Kind {
    what: "order IDs",
    flag: "--order-column",
    known: &[
        "订单号",
        "订单编号",
        "订单id",
        "聚合订单号",
        "聚合订单编号",
        "平台订单号",
        "系统订单号",
        "流水号",
        "聚合流水号",
        "流水编号",
        "交易流水号",
        "交易号",
        "交易单号",
        "单号",
        "orderid",
        "orderno",
        "ordernum",
        "ordernumber",
        "order",
        "juheorderid",
        "transactionid",
    ],
};

const NUMBER: Kind = Kind { what: "phone numbers", flag: "--number-column", known: &KNOWN };

const TIME: Kind = Kind {
    what: "times",
    flag: "--time-column",
    known: &[
        "时间",
        "查询时间",
        "调用时间",
        "请求时间",
        "交易时间",
        "扣费时间",
        "计费时间",
        "订单时间",
        "日期",
        "查询日期",
        "调用日期",
        "交易日期",
        "time",
        "date",
        "datetime",
        "timestamp",
        "querytime",
        "calltime",
        "requesttime",
        "createtime",
        "createdat",
    ],
};

const API: Kind = Kind {
    what: "interfaces",
    flag: "--api-column",
    known: &["接口", "接口名称", "接口名", "api", "apiname", "产品", "产品名称", "数据接口", "interface"],
};

const AMOUNT: Kind = Kind {
    what: "amounts",
    flag: "--amount-column",
    known: &["金额", "金额元", "扣费金额", "消费金额", "费用", "扣费", "amount", "amountyuan", "cost", "fee"],
};

/// What the user says about a statement; the rest is found. Columns by name or 1-based position.
#[derive(Clone, Debug, Default)]
pub struct StatementOptions {
    pub read: ReadOptions,
    pub order: Option<String>,
    pub number: Option<String>,
    pub time: Option<String>,
    pub api: Option<String>,
    pub amount: Option<String>,
}

/// An open statement.
#[derive(Debug)]
pub struct Statement {
    table: Table,
    columns: Columns,
}

/// Places, counted from 0.
#[derive(Clone, Copy, Debug)]
struct Columns {
    order: usize,
    number: Option<usize>,
    time: Option<usize>,
    api: Option<usize>,
    amount: Option<usize>,
}

/// What a cell is for money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// There is no such column, or nothing in the cell.
    Silent,
    /// May be negative.
    Yuan(Money),
    Unreadable,
}

/// One line of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The first data record is 1.
    pub record: u64,
    /// Without what spreadsheets put around it; empty where the line has none.
    pub order: String,
    /// None where there is no number, or none that can be read.
    pub subject: Option<Subject>,
    pub moment: Option<Moment>,
    /// As it is written; empty without such a column.
    pub api: String,
    pub amount: Amount,
}

impl Statement {
    /// Opens a file, or standard input for `-`.
    pub fn open(path: &Path, options: &StatementOptions) -> Result<Self, InputError> {
        let StatementOptions { read, order, number, time, api, amount } = options;
        let table = Table::open(path, read, |header| ORDER.is_known(header))?;
        let order = ORDER.find(&table, order.as_deref(), &[])?.ok_or_else(|| ORDER.missing(&table))?;
        let time = TIME.find(&table, time.as_deref(), &[order])?;
        let api = API.find(&table, api.as_deref(), &[order])?;
        let amount = AMOUNT.find(&table, amount.as_deref(), &[order])?;
        let taken: Vec<usize> = [Some(order), time, api, amount].into_iter().flatten().collect();
        let number = NUMBER.find_numbers(&table, number.as_deref(), &taken)?;
        Ok(Statement { table, columns: Columns { order, number, time, api, amount } })
    }

    /// What the user named it.
    pub fn name(&self) -> &str {
        self.table.name()
    }

    pub fn has_numbers(&self) -> bool {
        self.columns.number.is_some()
    }

    pub fn has_times(&self) -> bool {
        self.columns.time.is_some()
    }

    pub fn has_amounts(&self) -> bool {
        self.columns.amount.is_some()
    }

    /// What was found: each kind of column with its header.
    pub fn found(&self) -> Vec<(&'static str, &str)> {
        let Columns { order, number, time, api, amount } = self.columns;
        let kinds = [(&ORDER, Some(order)), (&NUMBER, number), (&TIME, time), (&API, api), (&AMOUNT, amount)];
        let header = self.table.header();
        kinds.into_iter().filter_map(|(kind, at)| Some((kind.what, header[at?].trim()))).collect()
    }

    /// A new pass over the lines.
    pub fn lines(&self) -> Result<Lines, InputError> {
        Ok(Lines { rows: self.table.rows(self.columns.number)?, row: Row::new(), columns: self.columns })
    }
}

/// A pass over the lines of a statement.
pub struct Lines {
    rows: Rows,
    row: Row,
    columns: Columns,
}

impl Lines {
    /// The next line; none at the end, once the file is found unchanged.
    pub fn read(&mut self) -> Result<Option<Line>, InputError> {
        if !self.rows.next_into(&mut self.row)? {
            return Ok(None);
        }
        let cell = |at: Option<usize>| at.map(|at| self.row.field(at)).unwrap_or_default();
        let Columns { order, number, time, api, amount } = self.columns;
        Ok(Some(Line {
            record: self.row.record,
            order: bare(cell(Some(order))),
            subject: cell::judge(cell(number)).ok().map(|identity| identity.subject()),
            moment: cell(time).parse().ok(),
            api: cell(api).trim().to_owned(),
            amount: amount_of(cell(amount)),
        }))
    }
}

/// An order ID without what keeps a spreadsheet from taking it for a number: `="2026…"`, `'2026…`, a tab.
fn bare(cell: &str) -> String {
    let visible: String = cell.chars().filter(|c| !is_invisible(*c) && !c.is_control()).collect();
    let text = visible.trim();
    let text = text.strip_prefix("=\"").and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
    text.trim_start_matches(['\'', '`']).trim().to_owned()
}

fn amount_of(cell: &str) -> Amount {
    let decoration = |c: &char| !(c.is_whitespace() || is_invisible(*c) || "¥￥元,，'".contains(*c));
    let text: String = cell.chars().filter(decoration).collect();
    if text.is_empty() || text == "-" {
        return Amount::Silent;
    }
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(&text)),
    };
    match Money::from_str(digits) {
        Ok(money) => Amount::Yuan(Money::from_micros(if negative { -money.micros() } else { money.micros() })),
        Err(_) => Amount::Unreadable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::subject::Number;

    fn open(text: &[u8], options: StatementOptions) -> Result<Statement, InputError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.csv");
        std::fs::write(&path, text).unwrap();
        Statement::open(&path, &options)
    }

    fn lines(statement: &Statement) -> Vec<Line> {
        let mut lines = statement.lines().unwrap();
        std::iter::from_fn(|| lines.read().unwrap()).collect()
    }

    #[test]
    fn a_statement_of_chinese_excel() {
        let text = "订单号,接口,手机号,时间,金额\r\n\
                    \"=\"\"J001\"\"\",电信月通话时长,17312345678,2026/10/5 2:11,￥0.05\r\n\
                    'J002,x,173****5678,合计,免费\r\n,,,,-0.10元\r\n";
        let statement = open(&encoding_rs::GB18030.encode(text).0, StatementOptions::default()).unwrap();
        assert!(statement.has_numbers() && statement.has_times() && statement.has_amounts());
        assert_eq!(statement.found()[0], ("order IDs", "订单号"));
        let lines = lines(&statement);
        let subject = Number::from_digits(b"17312345678").unwrap().subject();
        assert_eq!((lines[0].order.as_str(), lines[0].subject), ("J001", Some(subject)));
        assert_eq!((lines[0].moment, lines[0].api.as_str()), ("2026-10-05 02:11".parse().ok(), "电信月通话时长"));
        assert_eq!(lines[0].amount, Amount::Yuan("0.05".parse().unwrap()));
        assert_eq!((lines[1].order.as_str(), lines[1].subject, lines[1].moment), ("J002", None, None));
        assert_eq!(lines[1].amount, Amount::Unreadable);
        assert_eq!((lines[2].order.as_str(), lines[2].amount), ("", Amount::Yuan(Money::from_micros(-100_000))));
    }

    #[test]
    fn the_number_column_is_found_by_its_cells_and_never_among_the_order_ids() {
        let text = "order no.;who\n17312345678;18912345678\n17312345679;18912345679\n";
        let statement = open(text.as_bytes(), StatementOptions::default()).unwrap();
        assert_eq!(statement.found(), [("order IDs", "order no."), ("phone numbers", "who")]);
        assert_eq!(lines(&statement)[1].order, "17312345679");
    }

    #[test]
    fn columns_may_be_named_and_two_candidates_are_not_guessed_between() {
        let text = "聚合订单号,商户订单号,订单号,日期\n1,2,3,2026-10-05\n";
        let error = open(text.as_bytes(), StatementOptions::default()).unwrap_err().to_string();
        assert!(error.contains("could hold the order IDs: 1 '聚合订单号', 3 '订单号'; pass --order-column"), "{error}");
        let options = StatementOptions { order: Some("订单号".to_owned()), ..StatementOptions::default() };
        let statement = open(text.as_bytes(), options).unwrap();
        assert_eq!(lines(&statement)[0].order, "3");
        assert!(!statement.has_numbers());
    }

    #[test]
    fn without_order_ids_the_columns_are_named() {
        let error =
            open("姓名,手机号\n王,17312345678\n".as_bytes(), StatementOptions::default()).unwrap_err().to_string();
        assert!(error.contains("no column is known to hold order IDs; pass --order-column"), "{error}");
        assert!(error.contains("1 '姓名', 2 '手机号'"), "{error}");
        let options = StatementOptions { order: Some("单".to_owned()), ..StatementOptions::default() };
        let error = open("姓名,手机号\n王,17312345678\n".as_bytes(), options).unwrap_err().to_string();
        assert!(error.contains("there is no column '单'"), "{error}");
    }

    #[test]
    fn known_names_are_in_plain_form() {
        for kind in [ORDER, NUMBER, TIME, API, AMOUNT] {
            for name in kind.known {
                assert_eq!(super::super::column::plain_name(name), *name);
            }
        }
    }
}
