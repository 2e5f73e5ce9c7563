//! Charts as SVG: drawn here, so that a page shows them without a script. Colours come from the page's style, by class.

/// The size of a chart, in units of its own; it scales with the page.
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 240.0;
/// Space around the plot for the labels of its axes.
const LEFT: f64 = 58.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 26.0;

/// One line of a chart.
pub(crate) struct Line {
    /// The class that colours it; `fill` also draws the area below.
    pub(crate) class: &'static str,
    /// `(x, y)`, ascending in x. A missing y is a gap.
    pub(crate) points: Vec<(f64, Option<f64>)>,
}

/// A labelled position on the x axis.
pub(crate) struct Tick {
    pub(crate) at: f64,
    pub(crate) label: String,
}

/// A stretch of the x axis with the text that is shown on hover.
pub(crate) struct Spot {
    pub(crate) from: f64,
    pub(crate) to: f64,
    pub(crate) text: String,
}

/// How values are placed on the y axis.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scale {
    /// From zero.
    Linear,
    /// From zero, and by whole numbers.
    Count,
    /// In powers of ten: for times, whose typical and worst values lie far apart.
    Log,
}

/// A chart of lines over a common x axis.
pub(crate) struct Chart {
    /// A description for readers that can't see it.
    pub(crate) title: &'static str,
    pub(crate) lines: Vec<Line>,
    pub(crate) scale: Scale,
    /// Start and end of the x axis.
    pub(crate) range: (f64, f64),
    pub(crate) ticks: Vec<Tick>,
    pub(crate) spots: Vec<Spot>,
    /// How values of the y axis are written.
    pub(crate) show: fn(f64) -> String,
}

impl Chart {
    /// Renders the chart as an `<svg>` element.
    pub(crate) fn svg(&self) -> String {
        let title = escape(self.title);
        let mut svg =
            format!(r#"<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title}">"#);
        let values = || self.lines.iter().flat_map(|line| &line.points).filter_map(|(_, y)| *y);
        if !values().any(f64::is_finite) {
            let (x, y) = (WIDTH / 2.0, HEIGHT / 2.0);
            return svg + &format!(r#"<text class="none" x="{x}" y="{y}">nothing to show</text></svg>"#);
        }
        let (floor, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
        let axis = Axis::of(values(), self.scale);
        for value in axis.ticks() {
            let (x, y, label) = (LEFT - 7.0, axis.place(value), escape(&(self.show)(value)));
            svg += &format!(r#"<path class="grid" d="M{LEFT} {y:.1}H{right:.1}"/>"#);
            svg += &format!(r#"<text class="y" x="{x:.1}" y="{:.1}">{label}</text>"#, y + 3.5);
        }
        for Tick { at, label } in &self.ticks {
            // The last label must not extend beyond the picture.
            let (class, x) = match self.x(*at) {
                x if x > right - 16.0 => ("x last", WIDTH - 2.0),
                x => ("x", x),
            };
            let (y, label) = (HEIGHT - 8.0, escape(label));
            svg += &format!(r#"<text class="{class}" x="{x:.1}" y="{y:.1}">{label}</text>"#);
        }
        for line in &self.lines {
            self.draw(line, &axis, &mut svg);
        }
        svg += &format!(r#"<path class="cross" d="M0 {TOP}V{floor}"/>"#);
        for spot in &self.spots {
            let (x, text, height) = (self.x(spot.from), escape(&spot.text), floor - TOP);
            let width = (self.x(spot.to) - x).max(0.5);
            svg += &format!(
                r#"<rect class="spot" x="{x:.1}" y="{TOP}" width="{width:.1}" height="{height}"><title>{text}</title></rect>"#
            );
        }
        svg + "</svg>"
    }

    fn draw(&self, line: &Line, axis: &Axis, svg: &mut String) {
        let floor = HEIGHT - BOTTOM;
        let (mut path, mut area) = (String::new(), String::new());
        for stretch in line.points.split(|(_, y)| y.is_none()) {
            let places = stretch.iter().map(|(x, y)| (self.x(*x), axis.place(y.unwrap_or_default())));
            let places: Vec<String> = places.map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
            let (Some((first, _)), Some((last, _))) = (stretch.first(), stretch.last()) else { continue };
            let (first, last) = (self.x(*first), self.x(*last));
            path += &format!("M{}", places.join("L"));
            if places.len() == 1 {
                // A line needs two ends to be visible.
                path += &format!("H{:.1}", first + 1.5);
            }
            area += &format!("M{first:.1} {floor:.1}L{}L{last:.1} {floor:.1}Z", places.join("L"));
        }
        let class = line.class;
        if class.contains("fill") && !area.is_empty() {
            *svg += &format!(r#"<path class="area {class}" d="{area}"/>"#);
        }
        if !path.is_empty() {
            *svg += &format!(r#"<path class="line {class}" d="{path}"/>"#);
        }
    }

    fn x(&self, at: f64) -> f64 {
        let (from, to) = self.range;
        let share = if to > from { (at - from) / (to - from) } else { 0.0 };
        LEFT + share.clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT)
    }
}

/// The range of the y axis, in values or, on a logarithmic scale, in their logarithms.
struct Axis {
    scale: Scale,
    from: f64,
    to: f64,
    step: f64,
}

impl Axis {
    fn of(values: impl Iterator<Item = f64>, scale: Scale) -> Self {
        let positive = values.filter(|value| value.is_finite() && *value > 0.0);
        let (least, most) = positive
            .fold((f64::INFINITY, 0.0_f64), |(least, most), value| (least.min(value), most.max(value)));
        match scale {
            Scale::Log if most > 0.0 => {
                let (from, to) = (least.log10().floor(), most.log10().ceil());
                Self { scale, from, to: to.max(from + 1.0), step: 1.0 }
            }
            Scale::Log => Self { scale, from: 0.0, to: 1.0, step: 1.0 },
            Scale::Linear | Scale::Count => {
                let whole = scale == Scale::Count;
                let most = if whole { most.max(4.0) } else { most };
                let most = if most > 0.0 { most } else { 1.0 };
                let step = if whole { step(most).max(1.0) } else { step(most) };
                Self { scale, from: 0.0, to: (most * 1.02 / step).ceil() * step, step }
            }
        }
    }

    fn ticks(&self) -> Vec<f64> {
        let count = ((self.to - self.from) / self.step).round().max(1.0) as u32;
        let ticks = (0..=count).map(|index| self.from + self.step * f64::from(index));
        ticks.map(|tick| if self.scale == Scale::Log { 10_f64.powf(tick) } else { tick }).collect()
    }

    fn place(&self, value: f64) -> f64 {
        let value = match self.scale {
            Scale::Log if value > 0.0 => value.log10(),
            Scale::Log => self.from,
            Scale::Linear | Scale::Count => value,
        };
        let share = ((value - self.from) / (self.to - self.from)).clamp(0.0, 1.0);
        HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)
    }
}

/// Returns the distance of ticks, so that there are three to six of them: 1, 2 or 5 times a power of ten.
pub(crate) fn step(most: f64) -> f64 {
    let rough = most / 5.0;
    let power = 10_f64.powf(rough.log10().floor());
    let factor =
        [1.0, 2.0, 5.0, 10.0].into_iter().find(|factor| rough <= factor * power * 1.0001).unwrap_or(10.0);
    factor * power
}

/// Escapes text for markup.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(scale: Scale, points: Vec<(f64, Option<f64>)>) -> String {
        Chart {
            title: "a < b",
            lines: vec![Line { class: "ok fill", points }],
            scale,
            range: (0.0, 4.0),
            ticks: vec![Tick { at: 2.0, label: "2s".to_owned() }],
            spots: vec![Spot { from: 0.0, to: 1.0, text: "5 & 6".to_owned() }],
            show: |value| format!("{value:.0}"),
        }
        .svg()
    }

    #[test]
    fn lines_have_gaps_where_nothing_was_measured() {
        let points = vec![(0.0, Some(10.0)), (1.0, Some(20.0)), (2.0, None), (3.0, Some(10.0))];
        insta::assert_snapshot!(chart(Scale::Linear, points).replace("><", ">\n<"));
    }

    #[test]
    fn powers_of_ten_are_evenly_spaced() {
        let axis = Axis::of([30.0, 2_000.0].into_iter(), Scale::Log);
        assert_eq!(axis.ticks(), [10.0, 100.0, 1_000.0, 10_000.0]);
        let places: Vec<f64> = axis.ticks().into_iter().map(|tick| axis.place(tick)).collect();
        assert!((places[0] - places[1] - (places[2] - places[3])).abs() < 1e-9);
        assert_eq!(axis.place(0.0), places[0]);
        assert_eq!(Axis::of([0.0, 2.0].into_iter(), Scale::Count).ticks(), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    }

    #[test]
    fn steps_are_round() {
        assert_eq!([1.0, 500.0, 1_496.0, 7_300.0, 12.0].map(step), [0.2, 100.0, 500.0, 2_000.0, 5.0]);
    }

    #[test]
    fn nothing_to_draw_is_drawn() {
        for scale in [Scale::Linear, Scale::Count, Scale::Log] {
            for points in [vec![], vec![(0.0, None)], vec![(0.0, Some(0.0))], vec![(0.0, Some(f64::NAN))]] {
                let svg = chart(scale, points);
                assert!(svg.ends_with("</svg>"), "{svg}");
                assert!(!svg.contains("inf"), "{svg}");
            }
        }
    }
}
