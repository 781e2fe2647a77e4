//! The pages, as text. Goods are our own; what was seen comes from requests, by a library that promises nothing of it,
//! and so it is escaped.

use std::collections::BTreeMap;

use crate::GOODS;

/// The shop: the basket and the pages that were seen last.
pub(crate) fn shop(basket: &BTreeMap<String, u32>, history: &[String]) -> String {
    let goods = GOODS.map(|(item, _)| {
        let wanted = basket.get(item).copied().unwrap_or_default();
        format!(
            r#"<tr><td><a href="/goods/{item}">{item}</a></td><td id="{item}">{wanted}</td></tr>"#
        )
    });
    let seen: Vec<_> = history
        .iter()
        .map(|page| format!("<li>{}</li>", escape(page)))
        .collect();
    let content = format!(
        include_str!("shop.html"),
        goods = goods.join("\n"),
        seen = seen.join("\n"),
        script = include_str!("page.js"),
    );
    page("Shop", &content)
}

/// The page of an item.
pub(crate) fn item(name: &str, about: &str) -> String {
    let content = format!(r#"<p>{about}</p><p><a id="back" href="/">Back to the shop</a></p>"#);
    page(name, &content)
}

fn page(title: &str, content: &str) -> String {
    format!(
        include_str!("page.html"),
        style = include_str!("page.css"),
        title = title,
        content = content,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_is_escaped() {
        let seen = ["/goods/<script>\"'&".to_owned()];
        let page = shop(&BTreeMap::new(), &seen);
        assert!(page.contains("<li>/goods/&lt;script&gt;&quot;&#39;&amp;</li>"));
    }
}
