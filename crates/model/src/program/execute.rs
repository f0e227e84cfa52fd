//! The integer program, run: every value, and what an honest prover claims.
//!
//! Goes in: a [`Program`] and the input's integers. Comes out: a [`Trace`]. The interval analysis has bounded every number
//! below 2^126 for inputs in range, so that nothing here can overflow; inputs out of range are refused first.

use super::{Form, Linear, Operand, Order, Program, ProgramError, Step, TABLE_MARGIN, ValueId};
use crate::interval::{Interval, LIMIT, Unbounded};
use crate::tensor::Window;

/// What r²·V may have in bits, so that it does not wrap around the field's order.
const MOST_RADICAND_BITS: u32 = 250;

/// The logarithm of the greatest power of two that a signed integer of 128 bits holds, and so of a digit's place.
const MOST_PLACE_BITS: u32 = 126;

/// All integers of one inference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// Each value's elements, row-major; the input first.
    pub values: Vec<Vec<i128>>,
    /// For each step what it claims, in the order of [`Program::claims`]; empty where it claims nothing.
    pub claims: Vec<Vec<Vec<i128>>>,
}

impl Program {
    /// The sizes of what a step claims: a layer's result or its quotients, then the remainders' digits, most significant
    /// first. A layer norm claims its result, then the digits of each row's root and of its two remainders. A division claims
    /// quotients, then the digits of remainders and of what they lack of the greatest remainder.
    pub fn claims(&self, index: usize) -> Vec<usize> {
        let elements: usize = self.values[index + 1].shape.iter().product();
        match &self.steps[index] {
            Step::Claimed {
                form: Form::Exact, ..
            } => vec![elements],
            Step::Claimed {
                form: Form::Digits { digits },
                ..
            } => vec![elements * *digits as usize],
            Step::Claimed {
                form: Form::Rounded { digits, .. },
                ..
            } => vec![elements; *digits as usize + 1],
            Step::LayerNorm { rows, .. } => {
                let digits = self.root_digits(index);
                let [root, remainder] = [digits.root, digits.remainder].map(|digits| digits * rows);
                vec![elements, root, remainder, remainder]
            }
            Step::Divide { .. } => vec![elements; 1 + 2 * self.remainder_digits(index)],
            Step::SumPool { .. }
            | Step::MaxPool { .. }
            | Step::Rectify { .. }
            | Step::Tabulated { .. }
            | Step::Multiply { .. }
            | Step::Sum { .. }
            | Step::Constant { .. }
            | Step::Rearrange { .. } => Vec::new(),
        }
    }

    /// How many digits a division's remainders have.
    ///
    /// # Panics
    /// Where the step with that index is no division.
    pub fn remainder_digits(&self, index: usize) -> usize {
        let Step::Divide { denominator, .. } = &self.steps[index] else {
            unreachable!("only a division has a remainder");
        };
        // Of a division by 2·y.
        let greatest = 2 * self.value(*denominator).interval.greatest - 1;
        self.digits_for(greatest.unsigned_abs())
    }

    /// Digits that hold a number of this size; at least one, which holds 0.
    pub(crate) fn digits_for(&self, greatest: u128) -> usize {
        let bits = u128::BITS - greatest.leading_zeros();
        bits.div_ceil(self.base_bits).max(1) as usize
    }

    /// How many digits the root and the remainders of a layer norm's row have.
    ///
    /// # Panics
    /// Where the step with that index is no layer norm.
    pub fn root_digits(&self, index: usize) -> RootDigits {
        let Step::LayerNorm {
            input,
            rows,
            epsilon,
            root_bits,
            ..
        } = &self.steps[index]
        else {
            unreachable!("only a layer norm has a root");
        };
        let before = self.value(*input);
        let count = (before.shape.iter().product::<usize>() / rows) as i128;
        let root = inverse_root(*epsilon, *root_bits);
        // Both remainders are below (2r + 1)·V with r·√V ≤ 2^root_bits, hence below 2^(root_bits+1)·√V + V.
        let radicand = ((count * before.interval.magnitude()).pow(2) + epsilon).unsigned_abs();
        // Without a sign: it may reach 2^127.
        let remainder = (2u128 << root_bits) * (radicand.isqrt() + 1) + radicand;
        RootDigits {
            root: self.digits_for(root.unsigned_abs()),
            remainder: self.digits_for(remainder),
        }
    }

    /// What a layer norm's result can be, for an input within these bounds.
    ///
    /// # Errors
    /// [`Unbounded`] also where whatever is claimed for the root could make r²·V wrap around the field's order, which has 254 bits.
    ///
    /// # Panics
    /// Where the step with that index is no layer norm.
    pub(crate) fn layer_norm_bounds(&self, index: usize, input: Interval) -> Result<Interval, Unbounded> {
        let Step::LayerNorm {
            input: source,
            rows,
            scale,
            bias,
            epsilon,
            root_bits,
        } = &self.steps[index]
        else {
            unreachable!("it is a layer norm");
        };
        let len = self.value(*source).shape.iter().product::<usize>() / rows;
        let widest = (len as i128)
            .checked_mul(input.magnitude().max(1))
            .ok_or(Unbounded)?;
        // The numerator, the radicand and the remainders are read back as integers.
        let radicand = widest
            .checked_pow(2)
            .and_then(|square| square.checked_add(*epsilon))
            .filter(|&radicand| radicand < LIMIT && 2 * root_bits < LIMIT.ilog2())
            .ok_or(Unbounded)?;
        let digits = self.root_digits(index);
        let widest_root = self.base_bits * digits.root as u32;
        // The digits' places are constants.
        let widest_place = self.base_bits * (digits.remainder as u32 - 1);
        if 2 * widest_root + radicand.ilog2() + 1 > MOST_RADICAND_BITS || widest_place > MOST_PLACE_BITS {
            return Err(Unbounded);
        }
        let root = Interval {
            least: 0,
            greatest: inverse_root(*epsilon, *root_bits),
        };
        let greatest = |numbers: &[i128]| numbers.iter().map(|number| number.abs()).max().unwrap_or(0);
        let centred = input.repeated(len).and_then(|x| x.minus(x))?;
        centred
            .times(root)?
            .weighted(&[greatest(scale)], 0)?
            .plus(Interval::symmetric(greatest(bias)))
    }

    /// Whether the integers of an input are those that every bound rests on.
    ///
    /// # Errors
    /// [`ProgramError::InputRange`].
    pub fn check_input(&self, input: &[i128]) -> Result<(), ProgramError> {
        let bound = self.values[0].interval.magnitude();
        match input.iter().position(|x| x.unsigned_abs() > bound.unsigned_abs()) {
            Some(position) => Err(ProgramError::InputRange {
                position,
                value: input[position],
                bound,
            }),
            None => Ok(()),
        }
    }

    /// Whether a run's values are what their look-ups take. Where only what they are made of bounds them, they always are.
    ///
    /// # Errors
    /// [`ProgramError::Domain`] and [`ProgramError::Reach`].
    pub fn check_reach(&self, trace: &Trace) -> Result<(), ProgramError> {
        self.check_domains(trace)?;
        self.check_quotients(trace)?;
        if !self.is_calibrated() {
            return Ok(());
        }
        for (index, step) in self.steps.iter().enumerate() {
            let (value, limit) = if let &Step::Claimed {
                form: Form::Rounded {
                    limit: Some(limit), ..
                },
                ..
            } = step
            {
                (ValueId(index + 1), limit)
            } else if let Step::Rectify { input } | Step::Tabulated { input, .. } = step {
                (*input, self.base() - 1)
            } else {
                continue;
            };
            let least = -limit.min(self.base() - TABLE_MARGIN);
            let mut elements = trace.values[value.0].iter();
            if let Some(&element) = elements.find(|&&element| element < least || element > limit) {
                return Err(ProgramError::Reach {
                    node: self.value(value).name.clone(),
                    value: element,
                    limit,
                });
            }
        }
        Ok(())
    }

    /// Runs the program on an input in range.
    ///
    /// # Panics
    /// Where the input has another number of elements than the program's.
    pub fn run(&self, input: &[i128]) -> Trace {
        let mut trace = Trace {
            values: vec![input.to_vec()],
            claims: Vec::new(),
        };
        for index in 0..self.steps.len() {
            let (value, claims) = self.step(index, &trace.values);
            trace.values.push(value);
            trace.claims.push(claims);
        }
        trace
    }

    fn step(&self, index: usize, values: &[Vec<i128>]) -> (Vec<i128>, Vec<Vec<i128>>) {
        let of = |id: &ValueId| &values[id.0];
        let shape = |id: &ValueId| self.value(*id).shape.as_slice();
        let result_shape = &self.values[index + 1].shape;
        let value = match &self.steps[index] {
            Step::Claimed { input, linear, form } => {
                let exact = apply(linear, of(input), shape(input), result_shape, values);
                return self.claim(exact, *form, index);
            }
            Step::LayerNorm { input, .. } => return self.layer_norm(of(input), index),
            Step::Divide {
                numerator,
                denominator,
                multiplier,
            } => return self.divide(of(numerator), of(denominator), *multiplier, index),
            Step::SumPool { input, window } => pooled(of(input), shape(input), window, |a, b| a + b),
            Step::MaxPool { input, window } => pooled(of(input), shape(input), window, i128::max),
            Step::Rectify { input } => of(input).iter().map(|&x| x.max(0)).collect(),
            Step::Tabulated {
                input,
                function,
                scale,
            } => of(input).iter().map(|&x| function.integer(x, *scale)).collect(),
            Step::Multiply { left, right } => of(left).iter().zip(of(right)).map(|(a, b)| a * b).collect(),
            Step::Sum { terms, addend } => {
                let mut sums = vec![*addend; of(&terms[0].value).len()];
                for term in terms {
                    let products = of(&term.value).iter().map(|x| term.factor * x);
                    sums.iter_mut()
                        .zip(products)
                        .for_each(|(sum, product)| *sum += product);
                }
                sums
            }
            Step::Constant { elements } => elements.clone(),
            Step::Rearrange { operands, order } => rearranged(operands, order, values),
        };
        (value, Vec::new())
    }

    fn claim(&self, exact: Vec<i128>, form: Form, index: usize) -> (Vec<i128>, Vec<Vec<i128>>) {
        let (multiplier, digits, guarded) = match form {
            Form::Exact => return (exact.clone(), vec![exact]),
            Form::Digits { digits } => {
                let offset = self.digits_offset(index);
                // What is less is outside a domain, which is found when the run is looked through.
                let exact: Vec<i128> = exact.into_iter().map(|x| x.max(-offset)).collect();
                let claims = exact
                    .iter()
                    .flat_map(|x| self.digits(x + offset, digits as usize));
                let claims = claims.collect();
                return (exact, vec![claims]);
            }
            Form::Rounded {
                multiplier,
                digits,
                guarded,
                limit: _,
            } => (multiplier, digits, guarded),
        };
        let base = self.base();
        let divisor = base.pow(digits);
        let offset = self.guard_offset(index, guarded);
        let mut claims = vec![Vec::with_capacity(exact.len()); digits as usize + 1];
        let quotients = exact.into_iter().map(|integer| {
            let shifted = integer * multiplier + divisor / 2;
            let quotient = shifted.div_euclid(divisor);
            let mut remainder = shifted.rem_euclid(divisor);
            claims[0].push(quotient + offset);
            for digit in (1..=digits as usize).rev() {
                claims[digit].push(remainder % base);
                remainder /= base;
            }
            quotient
        });
        (quotients.collect(), claims)
    }

    /// What is added to a guarded quotient before it is claimed, so that it is not negative.
    pub fn guard_offset(&self, index: usize, guarded: bool) -> i128 {
        if guarded && !self.values[index + 1].interval.is_non_negative() {
            self.base() / 2
        } else {
            0
        }
    }

    /// What is added to an integer that is claimed [in digits](Form::Digits), so that it is not negative.
    ///
    /// # Panics
    /// Where the step with that index claims none.
    pub fn digits_offset(&self, index: usize) -> i128 {
        let Step::Claimed {
            form: Form::Digits { digits },
            ..
        } = self.steps[index]
        else {
            unreachable!("it claims digits");
        };
        if self.values[index + 1].interval.is_non_negative() {
            0
        } else {
            self.base().pow(digits) / 2
        }
    }

    fn divide(
        &self,
        numerator: &[i128],
        denominator: &[i128],
        multiplier: i128,
        index: usize,
    ) -> (Vec<i128>, Vec<Vec<i128>>) {
        let count = self.remainder_digits(index);
        let offset = self.guard_offset(index, true);
        let Interval { least, greatest } = self.values[index + 1].interval;
        let mut claims = vec![Vec::new(); 1 + 2 * count];
        let pairs = numerator.iter().zip(denominator);
        let quotients = pairs.map(|(x, y)| {
            let doubled = 2 * multiplier * x + y;
            let quotient = doubled.div_euclid(2 * y);
            let remainder = doubled - quotient * 2 * y;
            claims[0].push(quotient + offset);
            let digits = self.digits(remainder, count);
            let lacking = self.digits(2 * y - 1 - remainder, count);
            for (claim, digit) in claims[1..].iter_mut().zip(digits.into_iter().chain(lacking)) {
                claim.push(digit);
            }
            // What is beyond its look-up is found when the run is looked through.
            quotient.clamp(least, greatest)
        });
        (quotients.collect(), claims)
    }

    fn layer_norm(&self, input: &[i128], index: usize) -> (Vec<i128>, Vec<Vec<i128>>) {
        let Step::LayerNorm {
            rows,
            scale,
            bias,
            epsilon,
            root_bits,
            ..
        } = &self.steps[index]
        else {
            unreachable!("it is a layer norm");
        };
        let len = input.len() / rows;
        let count = len as i128;
        let digits = self.root_digits(index);
        let mut claims = vec![Vec::new(); 4];
        let rows = input.chunks(len).zip(scale.chunks(len).zip(bias.chunks(len)));
        for (input, (scale, bias)) in rows {
            let sum: i128 = input.iter().sum();
            let squares: i128 = input.iter().map(|x| x * x).sum();
            let radicand = count * squares - sum * sum + epsilon;
            let root = inverse_root(radicand, *root_bits);
            let numerator = 1i128 << (2 * root_bits);
            let below = numerator - root * root * radicand;
            let above = (root + 1) * (root + 1) * radicand - 1 - numerator;
            let elements = input.iter().zip(scale).zip(bias);
            claims[0].extend(elements.map(|((x, scale), bias)| scale * (root * (count * x - sum)) + bias));
            claims[1].extend(self.digits(root, digits.root));
            claims[2].extend(self.digits(below, digits.remainder));
            claims[3].extend(self.digits(above, digits.remainder));
        }
        (claims[0].clone(), claims)
    }

    /// The digits of a number, most significant first.
    fn digits(&self, mut number: i128, count: usize) -> Vec<i128> {
        let mut digits: Vec<i128> = (0..count)
            .map(|_| {
                let digit = number % self.base();
                number /= self.base();
                digit
            })
            .collect();
        digits.reverse();
        digits
    }
}

/// Digits of a layer norm's helper values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RootDigits {
    /// Of the inverse square root.
    pub root: usize,
    /// Of each remainder: 2^(2·root_bits) − r²·V, which shows that r is not too large, and (r + 1)²·V − 1 − 2^(2·root_bits),
    /// which shows that it is not too small.
    pub remainder: usize,
}

/// The largest r with r² · radicand ≤ 2^(2·bits).
pub(crate) fn inverse_root(radicand: i128, bits: u32) -> i128 {
    ((1i128 << (2 * bits)) / radicand).isqrt()
}

/// The operands' elements, one operand after the other, in this order.
fn rearranged(operands: &[Operand], order: &Order, values: &[Vec<i128>]) -> Vec<i128> {
    let elements = |operand: &Operand| {
        let shift = operand.shift;
        values[operand.value.0]
            .iter()
            .map(move |element| element << shift)
    };
    let all: Vec<i128> = operands.iter().flat_map(elements).collect();
    match order {
        Order::Kept => all,
        Order::Picked(positions) => positions.iter().map(|&position| all[position]).collect(),
    }
}

/// The products of matrices, one for each head.
fn product(left: &[i128], right: &[i128], [heads, rows, inner, columns]: [usize; 4]) -> Vec<i128> {
    let mut result = Vec::with_capacity(heads * rows * columns);
    for head in 0..heads {
        let (left, right) = (&left[head * rows * inner..], &right[head * inner * columns..]);
        for row in left.chunks(inner).take(rows) {
            for column in 0..columns {
                let terms = row.iter().enumerate();
                result.push(terms.map(|(at, x)| x * right[at * columns + column]).sum());
            }
        }
    }
    result
}

/// A linear layer's exact result.
fn apply(
    linear: &Linear,
    input: &[i128],
    shape: &[usize],
    result_shape: &[usize],
    values: &[Vec<i128>],
) -> Vec<i128> {
    match linear {
        Linear::Same => input.to_vec(),
        Linear::Dense { weight, bias, .. } => {
            let inputs = weight.len() / bias.len();
            let dot = |row: &[i128], x: &[i128]| row.iter().zip(x).map(|(w, x)| w * x).sum::<i128>();
            let outputs = || weight.chunks(inputs).zip(bias);
            let rows = input.chunks(inputs);
            rows.flat_map(|x| outputs().map(move |(row, bias)| dot(row, x) + bias))
                .collect()
        }
        Linear::Product { right, sizes } => product(input, &values[right.0], *sizes),
        Linear::SumPool(window) => pooled(input, shape, window, |a, b| a + b),
        Linear::Affine { factor, addend } => {
            let map = input.len() / factor.len();
            let channels = input.chunks(map).zip(factor.iter().zip(addend));
            channels
                .flat_map(|(map, (factor, addend))| map.iter().map(move |x| factor * x + addend))
                .collect()
        }
        Linear::Convolution {
            weight,
            weight_shape,
            bias,
            window,
            groups,
        } => {
            let [outputs, group_channels, kernel_height, kernel_width] = *weight_shape;
            let (height, width) = (shape[2], shape[3]);
            let (out_height, out_width) = (result_shape[2], result_shape[3]);
            let mut result = vec![0; outputs * out_height * out_width];
            for o in 0..outputs {
                let first_channel = o / (outputs / groups) * group_channels;
                let map = &mut result[o * out_height * out_width..][..out_height * out_width];
                map.fill(bias[o]);
                for c in 0..group_channels {
                    let image = &input[(first_channel + c) * height * width..][..height * width];
                    for u in 0..kernel_height {
                        for v in 0..kernel_width {
                            let w = weight[((o * group_channels + c) * kernel_height + u) * kernel_width + v];
                            if w == 0 {
                                continue;
                            }
                            for i in 0..out_height {
                                let Some(row) = inside(i, u, window.stride[0], window.padding[0], height)
                                else {
                                    continue;
                                };
                                for j in 0..out_width {
                                    if let Some(column) =
                                        inside(j, v, window.stride[1], window.padding[1], width)
                                    {
                                        map[i * out_width + j] += w * image[row * width + column];
                                    }
                                }
                            }
                        }
                    }
                }
            }
            result
        }
    }
}

fn inside(output: usize, tap: usize, stride: usize, padding: usize, size: usize) -> Option<usize> {
    let position = (output * stride + tap).checked_sub(padding)?;
    (position < size).then_some(position)
}

/// Each window's elements, which the padding has none of, folded.
fn pooled(input: &[i128], shape: &[usize], window: &Window, fold: impl Fn(i128, i128) -> i128) -> Vec<i128> {
    let [height, width] = [shape[2], shape[3]];
    let [out_height, out_width] = window
        .output_size([height, width])
        .expect("the graph's shapes fit");
    let mut result = Vec::with_capacity(shape[1] * out_height * out_width);
    for image in input.chunks(height * width) {
        for i in 0..out_height {
            for j in 0..out_width {
                let rows = (0..window.kernel[0])
                    .filter_map(|u| inside(i, u, window.stride[0], window.padding[0], height));
                let taps = rows.flat_map(|row| {
                    (0..window.kernel[1])
                        .filter_map(|v| inside(j, v, window.stride[1], window.padding[1], width))
                        .map(move |column| image[row * width + column])
                });
                result.push(taps.reduce(&fold).expect("padding is smaller than the window"));
            }
        }
    }
    result
}
