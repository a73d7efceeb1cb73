//! Tests of reading key files: what each row is, on which line, and that a file of any bytes is answered row by row.
//!
//! They stand in a file of their own for their length. Invariant: the expected rows are counted by other code than the
//! reader's.

use super::*;
use crate::keys::survey::Survey;
use proptest::prelude::*;
use std::io::BufReader;

fn lines() -> Layout {
    Layout::Lines
}

fn csv(column: Column, header: bool) -> Layout {
    Layout::Csv { column, header }
}

/// Every row in words; the buffer is small, so that it ends everywhere.
fn rows_in(bytes: &[u8], layout: &Layout, encoding: Encoding, buffer: usize) -> Vec<String> {
    let source = BufReader::with_capacity(buffer, bytes);
    let mut file = KeyFile::new(source, layout, encoding).unwrap_or_else(|error| panic!("{error}"));
    let mut rows = Vec::new();
    while let Some((line, row)) = file.next().expect("memory can be read") {
        rows.push(match row {
            Row::Key(text) => format!("{line} {text}"),
            Row::Blank => format!("{line} -"),
            Row::Invalid(fault) => format!("{line} {fault:?}"),
        });
    }
    rows
}

fn rows(bytes: &[u8], layout: &Layout) -> Vec<String> {
    let all = rows_in(bytes, layout, Encoding::Utf8, 1 << 16);
    for buffer in 1..9 {
        assert_eq!(rows_in(bytes, layout, Encoding::Utf8, buffer), all, "a buffer of {buffer}");
    }
    all
}

#[test]
fn lines_end_and_are_trimmed_in_every_usual_way() {
    let text = "\u{feff}A-1\r\n  B-2\t\n\n \u{3000}\r\nC-3 \nD 4\r\nlast";
    assert_eq!(rows(text.as_bytes(), &lines()), ["1 A-1", "2 B-2", "3 -", "4 -", "5 C-3", "6 D 4", "7 last"]);
    assert_eq!(rows(b"", &lines()), [""; 0]);
    assert_eq!(rows(b"\xef\xbb\xbf", &lines()), [""; 0]);
    assert_eq!(rows(b"\n", &lines()), ["1 -"]);
    assert_eq!(rows(b"\xef\xbb", &lines()), ["1 Encoding"]);
}

#[test]
fn rows_that_are_no_keys_say_why() {
    let most = "k".repeat(KEY_TEXT_BYTES_MAX);
    let long = format!("{most}k");
    let huge = "h".repeat(10 * RAW_BYTES_MAX);
    let text = format!("{most}\n{long}\na\tb\n{huge}\nok\n\u{7f}\n{huge}");
    let expected = [
        format!("1 {most}"),
        "2 TooLong".into(),
        "3 Control".into(),
        "4 TooLong".into(),
        "5 ok".into(),
        "6 Control".into(),
        "7 TooLong".into(),
    ];
    assert_eq!(rows(text.as_bytes(), &lines()), expected);
    assert_eq!(rows(b"ok\n\xff\xfe\nok", &lines()), ["1 ok", "2 Encoding", "3 ok"]);
}

#[test]
fn a_column_of_csv_is_found_by_number_and_by_name() {
    let text =
        b"\xef\xbb\xbfserial,\"key, clear\",price\r\n1,AAA,5\r\n\r\n2,\"B\"\"B\",5\r\n3\r\n,,\r\n4, CCC ,5";
    let expected = ["2 AAA", "3 -", "4 B\"B", "5 NoColumn", "6 -", "7 CCC"];
    assert_eq!(rows(text, &csv(Column::Name("key, clear".into()), true)), expected);
    assert_eq!(rows(text, &csv(Column::Number(2), true)), expected);
    assert_eq!(rows(text, &csv(Column::Number(1), false))[..2], ["1 serial", "2 1"]);
    let missing = KeyFile::new(&text[..], &csv(Column::Name("code".into()), true), Encoding::Utf8);
    assert!(matches!(missing, Err(ReadError::NoColumn(name)) if name == "code"));
    assert_eq!(
        rows(b"\n\nkey\nA\n\n\nB\n", &csv(Column::Name("key".into()), true)),
        ["4 A", "5 -", "6 -", "7 B"]
    );
}

#[test]
fn quoted_lines_count_and_an_open_quote_is_one_bounded_row() {
    let text = b"\"a\nb\",1\nC,2\n";
    assert_eq!(rows(text, &csv(Column::Number(1), false)), ["1 Control", "3 C"]);
    assert_eq!(rows(text, &csv(Column::Number(2), false)), ["1 1", "3 2"]);
    let open = [b"A\n\"B\n".to_vec(), b"key\n".repeat(10 * RAW_BYTES_MAX)].concat();
    let file = rows_in(&open, &csv(Column::Number(1), false), Encoding::Utf8, 1 << 16);
    assert_eq!(file, ["1 A", "2 OpenQuote"]);
}

#[test]
fn gb18030_is_read_in_lines_and_in_csv() {
    let (bytes, _, _) = encoding_rs::GB18030.encode("序号,卡密\n1,点卡-一\n2,点卡-𠀀\n");
    assert_eq!(Survey::of(&bytes[..]).unwrap().foreign_line, Some(1));
    let named = csv(Column::Name("卡密".into()), true);
    for buffer in [1, 3, 4096] {
        assert_eq!(rows_in(&bytes, &named, Encoding::Gb18030, buffer), ["2 点卡-一", "3 点卡-𠀀"]);
    }
    assert_eq!(rows_in(b"\xc4\xe3\n\xc4\n", &lines(), Encoding::Gb18030, 3), ["1 你", "2 Encoding"]);
    // A character that begins as a byte order mark does.
    assert_eq!(rows_in(b"\xef\xbbA\n", &lines(), Encoding::Gb18030, 1), ["1 锘A"]);
}

proptest! {
    /// What is written is read again, whatever ends the lines.
    #[test]
    fn keys_come_back_as_they_were(
        keys in proptest::collection::vec("[!-~一-龥]{0,40}", 0..60),
        ends in proptest::collection::vec(any::<bool>(), 60),
        buffer in 1usize..100,
    ) {
        let end = |at: usize| if ends[at] { "\r\n" } else { "\n" };
        let plain: String = keys.iter().enumerate().map(|(at, key)| format!("{key}{}", end(at))).collect();
        let quoted: String = keys
            .iter()
            .enumerate()
            .map(|(at, key)| format!("{at},\"{}\"{}", key.replace('"', "\"\""), end(at)))
            .collect();
        let expected: Vec<String> = keys
            .iter()
            .enumerate()
            .map(|(at, key)| format!("{} {}", at + 1, if key.is_empty() { "-" } else { key }))
            .collect();
        prop_assert_eq!(&rows_in(plain.as_bytes(), &lines(), Encoding::Utf8, buffer), &expected);
        let column = csv(Column::Number(2), false);
        prop_assert_eq!(&rows_in(quoted.as_bytes(), &column, Encoding::Utf8, buffer), &expected);
        let (foreign, _, _) = encoding_rs::GB18030.encode(&quoted);
        prop_assert_eq!(&rows_in(&foreign, &column, Encoding::Gb18030, buffer), &expected);
    }

    /// Any bytes at all: one answer per line, in order, and no key that the server could not take.
    #[test]
    fn any_bytes_are_answered_line_by_line(
        bytes in proptest::collection::vec(prop_oneof![any::<u8>(), Just(b'\n'), Just(b'"'), Just(b',')], 0..400),
        buffer in 1usize..64,
        foreign in any::<bool>(),
    ) {
        let encoding = if foreign { Encoding::Gb18030 } else { Encoding::Utf8 };
        let count = |bytes: &[u8]| bytes.split_inclusive(|byte| *byte == b'\n').count();
        let body = bytes.strip_prefix(&BYTE_ORDER_MARK).unwrap_or(&bytes);
        prop_assert_eq!(rows_in(&bytes, &lines(), encoding, buffer).len(), count(body));
        let source = BufReader::with_capacity(buffer, &bytes[..]);
        let mut file = KeyFile::new(source, &csv(Column::Number(1), false), encoding).unwrap();
        let mut before = 0;
        while let Some((line, row)) = file.next().unwrap() {
            prop_assert!(line > before, "line {} after {}", line, before);
            before = line;
            if let Row::Key(key) = row {
                prop_assert!(!key.is_empty() && key.trim() == key && !key.contains(['\n', '\r', '\0']));
            }
        }
    }
}
