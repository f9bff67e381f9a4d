//! Puts a page into its template.

use super::columns::{Page, Tone};

const TEMPLATE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/style.css");
const SCRIPTS: [&str; 5] = [
    include_str!("page/data.js"),
    include_str!("page/timeline.js"),
    include_str!("page/panels.js"),
    include_str!("page/plots.js"),
    include_str!("page/main.js"),
];

impl Page {
    /// The whole page.
    pub fn render(&self) -> String {
        let tone = match self.tone {
            Tone::Good => "good",
            Tone::Bad => "bad",
            Tone::Unsure => "warn",
        };
        let reproduce = self.reproduce.as_ref().map_or_else(String::new, |command| {
            format!("<pre class=\"reproduce\" id=\"reproduce\">{}</pre>", escaped(command))
        });
        // Inside a script element nothing but `</` and `<!` has a meaning, and in JSON both can be written otherwise.
        let data = serde_json::to_string(&self.data).expect("it is plain data").replace('<', "\\u003c");
        let mut page = String::with_capacity(TEMPLATE.len() + data.len() + (1 << 16));
        let mut rest = TEMPLATE;
        while let Some((before, after)) = rest.split_once("{{") {
            let (name, after) = after.split_once("}}").expect("the template is whole");
            page.push_str(before);
            match name {
                "title" => page.push_str(&escaped(&self.title)),
                "outcome" => page.push_str(&escaped(&self.outcome)),
                "outcome_class" => page.push_str(tone),
                "sentence" => page.push_str(&escaped(&self.sentence)),
                "reproduce" => page.push_str(&reproduce),
                "style" => page.push_str(STYLE),
                "data" => page.push_str(&data),
                "script" => SCRIPTS.iter().for_each(|script| page.push_str(script)),
                other => unreachable!("the template asks for `{other}`"),
            }
            rest = after;
        }
        page.push_str(rest);
        page
    }
}

/// As text of HTML.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(letter),
        }
    }
    escaped
}
