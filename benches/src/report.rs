//! The tables, as Markdown: printed as they come, and kept for the file.

/// What was told so far.
#[derive(Default)]
pub struct Report(String);

impl Report {
    pub fn line(&mut self, line: &str) {
        println!("{line}");
        self.0.push_str(line);
        self.0.push('\n');
    }

    pub fn section(&mut self, title: &str, explained: &str) {
        self.line(&format!("\n## {title}\n\n{explained}\n"));
    }

    /// The first column is words, the others figures.
    pub fn table(&mut self, head: &[String], rows: &[Vec<String>]) {
        let width = |column: usize| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            let longest = cells.map(|cell| cell.chars().count()).max();
            head[column]
                .chars()
                .count()
                .max(longest.unwrap_or(0))
                .max(4)
        };
        let widths: Vec<_> = (0..head.len()).map(width).collect();
        let line = |cells: &[String]| {
            let padded = cells.iter().zip(&widths).enumerate();
            let padded = padded.map(|(column, (cell, &width))| match column {
                0 => format!("{cell:width$}"),
                _ => format!("{cell:>width$}"),
            });
            format!("| {} |", padded.collect::<Vec<_>>().join(" | "))
        };
        self.line(&line(head));
        let rule = widths
            .iter()
            .enumerate()
            .map(|(column, width)| match column {
                0 => "-".repeat(*width),
                _ => format!("{}:", "-".repeat(width - 1)),
            });
        self.line(&line(&rule.collect::<Vec<_>>()));
        for row in rows {
            self.line(&line(row));
        }
    }

    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }
}

/// With commas between the thousands.
#[must_use]
pub fn grouped(figure: f64) -> String {
    let digits = format!("{:.0}", figure.abs());
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if figure < -0.5 {
        grouped.insert(0, '-');
    }
    grouped
}

/// A figure that may not have been measured.
#[must_use]
pub fn or_dash(figure: Option<f64>, format: impl Fn(f64) -> String) -> String {
    figure.map_or_else(|| "–".into(), format)
}
