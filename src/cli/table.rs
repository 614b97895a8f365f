//! Tables on a terminal.

/// A cell on one line: what others wrote may have line breaks in it, and what moves the cursor or colours the terminal.
pub(super) fn on_one_line(cell: &str) -> String {
    let is_odd = |c: char| c.is_control() || ['\u{2028}', '\u{2029}'].contains(&c);
    cell.replace("\r\n", " ").replace(is_odd, " ")
}

/// The rows with their columns below each other; the last column is as long as it is.
pub(super) fn aligned(rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| on_one_line(cell)).collect()).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other_by_characters_and_not_by_bytes() {
        let rows =
            [vec!["Übung".to_owned(), "x".into(), String::new()], vec!["a".into(), "yy".into(), "z".into()]];
        assert_eq!(aligned(&rows), "Übung  x\na      yy  z");
        assert_eq!(aligned(&[]), "");
    }

    #[test]
    fn whatever_a_cell_holds_it_stands_on_one_line() {
        let rows = [
            vec!["a\nb".to_owned(), "x\r\ny".into()],
            vec!["\u{1b}[31mred".into(), "\u{2028}\u{85}z\t".into()],
        ];
        assert_eq!(aligned(&rows), "a b       x y\n [31mred    z");
    }
}
