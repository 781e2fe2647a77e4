//! The page, as text. A real application would use a template engine here.

/// What the page shows.
pub(crate) struct Page {
    pub(crate) has_session: bool,
    pub(crate) count: u64,
    pub(crate) name: Option<String>,
    pub(crate) notice: Option<String>,
}

pub(crate) fn render(page: &Page) -> String {
    let name = page.name.as_deref().map(escape);
    format!(
        include_str!("page.html"),
        style = include_str!("page.css"),
        longest_name = crate::LONGEST_NAME,
        count = page.count,
        greeting = name.as_deref().unwrap_or("stranger"),
        name = name.as_deref().unwrap_or_default(),
        notice = page.notice.as_deref().map(notice).unwrap_or_default(),
        session = if page.has_session {
            "You have a session: the count and the name are on the server, \
             and your cookie holds only a sealed id."
        } else {
            "You have no session: no cookie is set and nothing is stored until you change something."
        },
    )
}

fn notice(text: &str) -> String {
    format!(
        r#"<p class="notice" id="notice" role="status">{}</p>"#,
        escape(text)
    )
}

/// Makes text of a visitor safe in HTML, between tags and in quoted attributes.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}
