//! Columns of text, each as wide as its widest cell.

/// Lines of a table, two blanks between columns.
#[derive(Debug)]
pub struct Table {
    /// How many columns are set to the left; all others, figures, to the right.
    texts: usize,
    rows: Vec<Vec<Cell>>,
}

/// One cell: its text, and how many columns it takes up.
#[derive(Clone, Debug)]
pub struct Cell {
    text: String,
    width: usize,
}

impl Cell {
    /// A cell whose text was painted: `plain` is what is seen of it.
    pub fn painted(text: String, plain: &str) -> Self {
        Self { text, width: plain.chars().count() }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        let width = text.chars().count();
        Self { text, width }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl Table {
    /// An empty table whose first `texts` columns hold texts, and all others figures.
    pub fn new(texts: usize) -> Self {
        Self { texts, rows: Vec::new() }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    /// The rows as lines.
    pub fn lines(&self) -> impl Iterator<Item = String> + '_ {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let cell_width = |row: &Vec<Cell>, column: usize| row.get(column).map_or(0, |cell| cell.width);
        let widths: Vec<usize> = (0..columns)
            .map(|column| self.rows.iter().map(|row| cell_width(row, column)).max().unwrap_or(0))
            .collect();
        self.rows.iter().map(move |row| {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate() {
                let filler = " ".repeat(widths[column] - cell.width);
                line += if column > 0 { "  " } else { "" };
                line += &match column < self.texts {
                    true => format!("{}{filler}", cell.text),
                    false => format!("{filler}{}", cell.text),
                };
            }
            line.trim_end().to_owned()
        })
    }
}
