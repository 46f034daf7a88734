//! A tree of stacks as an SVG document: each function a box as wide as its share, standing on the one that called it. No
//! script and nothing to load, so that it can be shown anywhere; the whole name and the numbers of a box are its tooltip.

use std::fmt::Write;

use super::tree::{Node, Tree};

/// In pixels.
const WIDTH: f64 = 1200.0;
const MARGIN: f64 = 10.0;
/// Above the boxes: title and subtitle.
const HEAD: f64 = 56.0;
const BOX: f64 = 17.0;
/// Of a letter of the labels, at their size of 11 pixels in a fixed-width font.
const LETTER: f64 = 6.7;
/// Boxes narrower than this are not drawn.
const NARROWEST: f64 = 0.3;
/// Most boxes.
const MOST: usize = 10_000;
/// Longest name in a tooltip, in letters; C++ has names without end.
const LONGEST: usize = 256;

/// A function's place.
struct Place<'a> {
    node: &'a Node,
    left: f64,
    width: f64,
}

/// Draws `tree`. `unit`: the field that weights were taken from. `left_out`: rows that are not in the tree.
pub(super) fn draw(tree: &Tree, unit: &str, title: &str, left_out: usize) -> String {
    let (places, hidden) = places(tree);
    let deepest = places.iter().map(|it| it.node.depth).max().unwrap_or(0);
    let height = HEAD + (deepest + 1) as f64 * BOX + MARGIN;
    let all = tree.nodes[0].weight;
    let mut text = String::new();
    let done = write_all(
        &mut text,
        &places,
        &Frame { height, all, unit, title, notes: notes(tree, hidden, left_out) },
    );
    debug_assert!(done.is_ok(), "writing to a string");
    text
}

/// What stands around the boxes, and what they share.
struct Frame<'a> {
    height: f64,
    all: u64,
    unit: &'a str,
    title: &'a str,
    notes: Vec<String>,
}

/// What the picture does not show.
fn notes(tree: &Tree, hidden: usize, left_out: usize) -> Vec<String> {
    let notes = [
        (hidden, format!("{hidden} functions too narrow, not drawn")),
        (tree.cut, format!("{} stacks cut", tree.cut)),
        (left_out, format!("{left_out} rows without a stack or weight left out")),
    ];
    notes.into_iter().filter(|(count, _)| *count > 0).map(|(_, note)| note).collect()
}

/// Where functions stand, callers first, and how many are too narrow. Those that one function called stand in the order
/// of their names, so that two pictures of the same program are alike.
fn places(tree: &Tree) -> (Vec<Place<'_>>, usize) {
    let all = &tree.nodes[0];
    if all.weight == 0 {
        return (Vec::new(), 0);
    }
    let scale = (WIDTH - 2.0 * MARGIN) / all.weight as f64;
    let mut places = Vec::new();
    let mut waiting = vec![(0, MARGIN)];
    while let Some((number, left)) = waiting.pop() {
        let node = &tree.nodes[number];
        let width = node.weight as f64 * scale;
        if width < NARROWEST {
            continue;
        }
        places.push(Place { node, left, width });
        let mut children = node.children.clone();
        children.sort_by(|a, b| tree.nodes[*a].name.cmp(&tree.nodes[*b].name));
        let mut left = left;
        for child in children {
            waiting.push((child, left));
            left += tree.nodes[child].weight as f64 * scale;
        }
    }
    // A function is never wider than its caller, which so stays when it does.
    places.sort_by(|a, b| b.width.total_cmp(&a.width).then(a.node.depth.cmp(&b.node.depth)));
    places.truncate(MOST);
    let hidden = tree.nodes.len() - places.len();
    (places, hidden)
}

fn write_all(text: &mut String, places: &[Place<'_>], frame: &Frame<'_>) -> std::fmt::Result {
    let Frame { height, all, unit, title, notes } = frame;
    let middle = WIDTH / 2.0;
    writeln!(
        text,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace\" font-size=\"11\">"
    )?;
    writeln!(text, "<rect width=\"100%\" height=\"100%\" fill=\"#fdfbf5\"/>")?;
    let title = escaped(title, LONGEST);
    writeln!(text, "<text x=\"{middle}\" y=\"24\" text-anchor=\"middle\" font-size=\"16\">{title}</text>")?;
    let mut subtitle = match places {
        [] => "nothing was found".to_owned(),
        _ => format!("{} in all; as wide as its share, callers below", amount(*all, unit)),
    };
    notes.iter().for_each(|note| subtitle.push_str(&format!("; {note}")));
    let subtitle = escaped(&subtitle, LONGEST);
    writeln!(text, "<text x=\"{middle}\" y=\"44\" text-anchor=\"middle\" fill=\"#666\">{subtitle}</text>")?;
    for place in places {
        write_box(text, place, frame)?;
    }
    writeln!(text, "</svg>")
}

fn write_box(text: &mut String, place: &Place<'_>, frame: &Frame<'_>) -> std::fmt::Result {
    let Place { node, left, width } = place;
    let top = frame.height - MARGIN - (node.depth + 1) as f64 * BOX;
    let name = escaped(&node.name, LONGEST);
    let share = node.weight as f64 * 100.0 / frame.all as f64;
    let amount = escaped(&amount(node.weight, frame.unit), LONGEST);
    let color = color(node);
    write!(
        text,
        "<g><title>{name} ({amount}, {share:.1} %)</title><rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" \
         height=\"{:.1}\" fill=\"{color}\" rx=\"1\"/>",
        BOX - 1.0
    )?;
    let letters = ((width - 6.0) / LETTER) as usize;
    if letters >= 3 {
        let label = if node.name.chars().count() <= letters {
            escaped(&node.name, letters)
        } else {
            escaped(&node.name, letters - 2) + ".."
        };
        write!(text, "<text x=\"{:.1}\" y=\"{:.1}\">{label}</text>", left + 3.0, top + 12.0)?;
    }
    writeln!(text, "</g>")
}

/// Functions of the kernel, those without a name, and others stand apart; the shade goes by the name, so that a function
/// has the same in every picture.
fn color(node: &Node) -> String {
    let hash = node.name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let shade = (hash >> 32) % 100;
    let (hue, saturation, light) = match node.name.as_str() {
        _ if node.depth == 0 => (40, 15, 85),
        name if name.ends_with("_[k]") => (18 + shade / 8, 85, 68 + shade % 9),
        name if name.starts_with('[') => (40, 10, 76 + shade % 8),
        _ => (42 + shade / 6, 88, 68 + shade % 9),
    };
    format!("hsl({hue},{saturation}%,{light}%)")
}

/// A weight for people: what fields with `_ns` at their end count is time.
fn amount(weight: u64, unit: &str) -> String {
    if !unit.ends_with("_ns") {
        return format!("{weight} {unit}");
    }
    let nanos = weight as f64;
    let units = [("s", 1e9), ("ms", 1e6), ("µs", 1e3)];
    let fitting = units.iter().find(|(_, size)| nanos >= *size);
    fitting.map_or_else(|| format!("{weight} ns"), |(name, size)| format!("{:.1} {name}", nanos / size))
}

/// The first `most` letters of foreign text, without a meaning to XML and without control characters, which no XML may
/// hold; those that turn the direction of writing would reorder what stands beside them.
fn escaped(text: &str, most: usize) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars().take(most) {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                safe.push('\u{fffd}')
            }
            '\u{fffe}' | '\u{ffff}' => safe.push('\u{fffd}'),
            letter if letter.is_control() => safe.push('\u{fffd}'),
            letter => safe.push(letter),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_for_people() {
        let cases = [
            (7, "samples", "7 samples"),
            (999, "wait_ns", "999 ns"),
            (1_500, "wait_ns", "1.5 µs"),
            (2_000_000, "wait_ns", "2.0 ms"),
            (61_250_000_000, "wait_ns", "61.2 s"),
        ];
        for (weight, unit, expected) in cases {
            assert_eq!(amount(weight, unit), expected);
        }
    }

    #[test]
    fn callees_stand_within_their_caller_and_beside_each_other() {
        let mut tree = Tree::default();
        tree.add("main;b", 30);
        tree.add("main;a", 50);
        tree.add("main", 20);
        let (places, hidden) = places(&tree);
        let of =
            |name: &str| places.iter().find(|it| it.node.name == name).map(|it| (it.left, it.width)).unwrap();
        let near = |a: f64, b: f64| (a - b).abs() < 1e-6;
        let (left, width) = of("main");
        assert!(near(left, MARGIN) && near(width, WIDTH - 2.0 * MARGIN));
        let ((a, wide), (b, narrow)) = (of("a"), of("b"));
        assert!(near(a, left) && near(wide, width / 2.0) && near(b, a + wide) && near(narrow, width * 0.3));
        assert_eq!(hidden, 0);
    }
}
