//! Reads decisions from the bytes of an input; at its end everything is zero.

/// An input, from its beginning.
pub(crate) struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    /// All of it.
    pub(crate) fn new(data: &'a [u8]) -> Self {
        Self(data)
    }

    /// The next byte, 0 at the end.
    pub(crate) fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        first
    }

    /// The next two bytes as a number.
    pub(crate) fn short(&mut self) -> u16 {
        u16::from_le_bytes([self.byte(), self.byte()])
    }

    /// Up to `count` bytes.
    pub(crate) fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// Up to the next zero byte, which is used up.
    pub(crate) fn line(&mut self) -> &'a [u8] {
        let end = self.0.iter().position(|b| *b == 0);
        let line = self.take(end.unwrap_or(self.0.len()));
        self.byte();
        line
    }

    /// What is left.
    pub(crate) fn rest(&mut self) -> &'a [u8] {
        self.take(usize::MAX)
    }

    /// Whether nothing is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Cuts of `length` bytes: none, everywhere, or where a seed says.
pub(crate) fn cuts(seed: u8, length: usize) -> Vec<usize> {
    match seed {
        0 => Vec::new(),
        1 => (1..length).collect(),
        seed => {
            let mut state = u64::from(seed);
            let mut cuts: Vec<usize> = (0..usize::from(seed % 8) + 1)
                .map(|_| {
                    state = state
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1_442_695_040_888_963_407);
                    (state >> 33) as usize % length.max(1)
                })
                .collect();
            cuts.sort_unstable();
            cuts
        }
    }
}

/// The pieces between the cuts.
pub(crate) fn pieces<'a>(data: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let ends = cuts.iter().copied().chain([data.len()]);
    let mut start = 0;
    ends.map(|end| {
        let piece = &data[start..end.max(start)];
        start = end.max(start);
        piece
    })
    .collect()
}
