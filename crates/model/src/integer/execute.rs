//! Runs the integer program.
//!
//! Goes in: a [`Lowered`] program and the inputs in `f32`. Comes out: [`IntegerRun`]. Tensors are row-major `i128`;
//! every operation is checked, and so is every value that EZKL decomposes or looks up, since beyond those limits it
//! has no witness.

mod linear;

use super::super::graph::{Tensor, Window};
use super::IntegerRun;
use super::arithmetic::{divide, quantise, reciprocal, reciprocal_of_zero, sigmoid, square_root, tanh};
use super::error::IntegerError;
use super::program::{Limits, Lowered, Operand, Operation, Source, Step};

impl Lowered {
    /// The integers of the program's inputs and outputs, for one tensor for each input.
    ///
    /// # Errors
    /// Where the inputs do not fit the program, an integer leaves `i128`, or EZKL has no witness because a value is
    /// beyond its digits or its table.
    pub fn run(&self, inputs: &[Tensor]) -> Result<IntegerRun, IntegerError> {
        let program = &self.program;
        let inputs = self.quantised(inputs)?;
        if !self.limits.inputs_checked {
            // EZKL's flag is inverted for constants, and concerns only those that it lays out by themselves.
            for (constant, integers) in program.constants.iter().zip(&self.integers) {
                if constant.readers > 1 {
                    self.limits.all_decompose(&constant.node, integers)?;
                }
            }
        }
        let mut values = inputs.clone();
        for step in &program.steps {
            let result = Execution {
                lowered: self,
                values: &values,
                step,
            }
            .run()?;
            values.push(result);
        }
        if self.limits.outputs_checked {
            for output in &program.outputs {
                let node = (output.checked_sub(inputs.len()))
                    .map_or(&program.inputs[0].name, |step| &program.steps[step].node);
                self.limits.all_decompose(node, &values[*output])?;
            }
        }
        Ok(IntegerRun {
            inputs,
            input_scales: program.inputs.iter().map(|input| input.scale).collect(),
            outputs: (program.outputs.iter())
                .map(|output| values[*output].clone())
                .collect(),
            output_scales: (program.outputs.iter())
                .map(|output| program.scale(*output))
                .collect(),
        })
    }

    fn quantised(&self, tensors: &[Tensor]) -> Result<Vec<Vec<i128>>, IntegerError> {
        let inputs = &self.program.inputs;
        if inputs.len() != tensors.len() {
            return Err(IntegerError::InputCount {
                expected: inputs.len(),
                found: tensors.len(),
            });
        }
        let mut quantised = Vec::with_capacity(inputs.len());
        for (input, tensor) in inputs.iter().zip(tensors) {
            let expected = input.shape.iter().product();
            if tensor.data.len() != expected {
                return Err(IntegerError::InputLength {
                    input: input.name.clone(),
                    expected,
                    found: tensor.data.len(),
                });
            }
            let integer = |value: &f32| {
                quantise(*value, input.scale).ok_or_else(|| IntegerError::NotRepresentable {
                    node: input.name.clone(),
                    value: *value,
                    scale: input.scale,
                })
            };
            let integers = (tensor.data.iter().map(integer)).collect::<Result<Vec<_>, _>>()?;
            if self.limits.inputs_checked {
                self.limits.all_decompose(&input.name, &integers)?;
            }
            quantised.push(integers);
        }
        Ok(quantised)
    }
}

impl Limits {
    /// Refuses a value that has too many digits.
    fn decomposes(&self, node: &str, value: i128) -> Result<(), IntegerError> {
        if value.unsigned_abs() > self.digits.unsigned_abs() {
            return Err(IntegerError::BeyondDecomposition {
                node: node.to_owned(),
                value,
                limit: self.digits,
            });
        }
        Ok(())
    }

    fn all_decompose(&self, node: &str, values: &[i128]) -> Result<(), IntegerError> {
        values.iter().try_for_each(|value| self.decomposes(node, *value))
    }
}

/// One step among the values before it.
struct Execution<'a> {
    lowered: &'a Lowered,
    values: &'a [Vec<i128>],
    step: &'a Step,
}

impl Execution<'_> {
    fn run(&self) -> Result<Vec<i128>, IntegerError> {
        let result = self.operation()?;
        self.divided(result, 1 << self.step.rescale)
    }

    fn operation(&self) -> Result<Vec<i128>, IntegerError> {
        let scale = self.lowered.program.source_scale(self.step.operands[0].source);
        match self.step.operation {
            Operation::Convolve { window, groups } => {
                let [image, filters] = [0, 1].map(|operand| self.operand(operand));
                let bias = (self.step.operands.len() > 2).then(|| self.elements(2));
                linear::convolve(image, filters, bias, window, groups, &self.step.shape)
                    .ok_or_else(|| self.overflow())
            }
            Operation::MatrixProduct => {
                linear::multiply(self.elements(0), self.elements(1), &self.step.shape)
                    .ok_or_else(|| self.overflow())
            }
            Operation::Add => self.broadcast(i128::checked_add),
            Operation::Subtract => self.broadcast(i128::checked_sub),
            Operation::Multiply => self.broadcast(i128::checked_mul),
            Operation::Square => self.each(|x| self.checked(x.checked_mul(x))),
            Operation::Sum { axis } => self.sums(axis, Some),
            Operation::MeanOfSquares { axis } => {
                let sums = self.sums(axis, |x| x.checked_mul(x))?;
                let count = self.elements(0).len() / sums.len();
                self.divided(sums, integer(count))
            }
            Operation::ReciprocalRoot { output_scale } => {
                self.each(|x| self.reciprocal_root(x, scale, output_scale))
            }
            Operation::Relu => self.each(|x| {
                self.decomposes(x)?;
                Ok(x.max(0))
            }),
            Operation::Sigmoid => self.each(|x| Ok(sigmoid(self.looked_up(x)?, scale))),
            Operation::Tanh => self.each(|x| Ok(tanh(self.looked_up(x)?, scale))),
            Operation::MaxPool(window) => self.pool(window, |taps| {
                let greatest = *taps.iter().max().expect("padding is smaller than the window");
                // EZKL pads with zeros, sorts the window and asks of each neighbour whether it is at least the one before.
                if taps.len() < window.kernel.iter().product() {
                    taps.push(0);
                }
                taps.sort_unstable();
                for pair in taps.windows(2) {
                    self.decomposes(self.checked((pair[1] - pair[0]).checked_add(1))?)?;
                }
                Ok(greatest)
            }),
            Operation::MeanPool(window) => {
                let sums = self.pool(window, |taps| {
                    let sum = taps.iter().try_fold(0i128, |sum, tap| sum.checked_add(*tap));
                    self.checked(sum)
                })?;
                self.divided(sums, integer(window.kernel.iter().product()))
            }
            Operation::Halve { .. } | Operation::Reshape => Ok(self.elements(0).to_vec()),
        }
    }

    /// An operand's elements before its shift.
    fn elements(&self, operand: usize) -> &[i128] {
        match self.step.operands[operand].source {
            Source::Value(value) => &self.values[value],
            Source::Constant(constant) => &self.lowered.integers[constant],
        }
    }

    /// An operand's elements before its shift, with their shape.
    fn operand(&self, operand: usize) -> (&[i128], &[usize]) {
        let source = self.step.operands[operand].source;
        (self.elements(operand), self.lowered.program.source_shape(source))
    }

    fn each(&self, function: impl Fn(i128) -> Result<i128, IntegerError>) -> Result<Vec<i128>, IntegerError> {
        self.elements(0).iter().map(|x| function(*x)).collect()
    }

    fn sums(&self, axis: usize, term: impl Fn(i128) -> Option<i128>) -> Result<Vec<i128>, IntegerError> {
        let (elements, shape) = self.operand(0);
        (elements.chunks(shape[axis..].iter().product()))
            .map(|chunk| {
                let sum = (chunk.iter()).try_fold(0i128, |sum, element| sum.checked_add(term(*element)?));
                self.checked(sum)
            })
            .collect()
    }

    /// Applies `function` element by element, repeating what has size 1 along an axis of the result.
    fn broadcast(&self, function: impl Fn(i128, i128) -> Option<i128>) -> Result<Vec<i128>, IntegerError> {
        let shape = &self.step.shape;
        let shifted = |operand: usize| -> Result<Vec<i128>, IntegerError> {
            let Operand { shift, .. } = self.step.operands[operand];
            (self.elements(operand).iter())
                .map(|x| self.checked(x.checked_mul(1 << shift)))
                .collect()
        };
        let [left, right] = [shifted(0)?, shifted(1)?];
        let positions = [0, 1].map(|operand| positions(self.operand(operand).1, shape));
        (positions[0].iter().zip(&positions[1]))
            .map(|(i, j)| self.checked(function(left[*i], right[*j])))
            .collect()
    }

    /// Gives each window's elements, which the padding has none of, to `fold`.
    fn pool(
        &self,
        window: Window,
        fold: impl Fn(&mut Vec<i128>) -> Result<i128, IntegerError>,
    ) -> Result<Vec<i128>, IntegerError> {
        let (elements, shape) = self.operand(0);
        let [height, width] = [shape[2], shape[3]];
        let [rows, columns] = [self.step.shape[2], self.step.shape[3]];
        let mut taps = Vec::with_capacity(window.kernel.iter().product());
        let mut pooled = Vec::with_capacity(self.step.shape.iter().product());
        for plane in elements.chunks(height * width) {
            for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |c| (row, c))) {
                taps.clear();
                for y in (0..window.kernel[0]).map(|y| row * window.stride[0] + y) {
                    for x in (0..window.kernel[1]).map(|x| column * window.stride[1] + x) {
                        let inside = (y.checked_sub(window.padding[0]).filter(|y| *y < height))
                            .zip(x.checked_sub(window.padding[1]).filter(|x| *x < width));
                        taps.extend(inside.map(|(y, x)| plane[y * width + x]));
                    }
                }
                pooled.push(fold(&mut taps)?);
            }
        }
        Ok(pooled)
    }

    /// Divides as an honest prover does, and checks what the circuit decomposes: the quotient, the remainder, and
    /// by how much its magnitude stays below the divisor.
    fn divided(&self, values: Vec<i128>, divisor: i128) -> Result<Vec<i128>, IntegerError> {
        if divisor == 1 {
            return Ok(values);
        }
        (values.into_iter())
            .map(|value| {
                let quotient = divide(value, divisor);
                self.decomposes(quotient)?;
                let product = quotient.checked_mul(divisor);
                let remainder = self.checked(product.and_then(|p| value.checked_sub(p)))?;
                self.decomposes(remainder)?;
                self.decomposes(self.checked(divisor.checked_sub_unsigned(remainder.unsigned_abs()))?)?;
                Ok(quotient)
            })
            .collect()
    }

    fn reciprocal_root(&self, value: i128, scale: i32, output_scale: i32) -> Result<i128, IntegerError> {
        let power = |exponent: i32| {
            let exponent = exponent.try_into().ok();
            self.checked(exponent.and_then(|exponent| 2i128.checked_pow(exponent)))
        };
        let root = square_root(value, scale);
        let square = self.checked(value.checked_mul(power(scale)?))?;
        self.optimum(root, |root| root.checked_mul(root)?.checked_sub(square))?;
        let (result, unit) = if root == 0 {
            let result = reciprocal_of_zero(output_scale, self.lowered.limits.epsilon);
            (result, 0)
        } else {
            let result = reciprocal(root, scale, output_scale);
            (result, power(scale + output_scale)?)
        };
        self.optimum(result, |result| result.checked_mul(root)?.checked_sub(unit))?;
        Ok(result)
    }

    /// Checks what EZKL decomposes to show that `claim` has the smallest error of its neighbours.
    fn optimum(&self, claim: i128, error: impl Fn(i128) -> Option<i128>) -> Result<(), IntegerError> {
        self.decomposes(claim)?;
        let distance = |offset: i128| {
            let error = self.checked(claim.checked_add(offset).and_then(&error))?;
            self.decomposes(error)?;
            Ok(error.abs())
        };
        let [here, above, below] = [distance(0)?, distance(1)?, distance(-1)?];
        self.decomposes(above - here + 1)?;
        self.decomposes(below - here)
    }

    fn looked_up(&self, value: i128) -> Result<i128, IntegerError> {
        let (low, high) = self.lowered.limits.lookup;
        if value < low || high < value {
            return Err(IntegerError::BeyondLookup {
                node: self.step.node.clone(),
                value,
                low,
                high,
            });
        }
        Ok(value)
    }

    fn decomposes(&self, value: i128) -> Result<(), IntegerError> {
        self.lowered.limits.decomposes(&self.step.node, value)
    }

    fn checked(&self, value: Option<i128>) -> Result<i128, IntegerError> {
        value.ok_or_else(|| self.overflow())
    }

    fn overflow(&self) -> IntegerError {
        IntegerError::Overflow {
            node: self.step.node.clone(),
        }
    }
}

/// For each element of a tensor of shape `to`, row-major, the element of one of shape `from` that is repeated there.
fn positions(from: &[usize], to: &[usize]) -> Vec<usize> {
    let mut positions = vec![0];
    for (size, repeated) in from.iter().zip(to) {
        let along = |start: &usize| {
            let start = start * size;
            (0..*repeated).map(move |i| start + if *size == 1 { 0 } else { i })
        };
        positions = positions.iter().flat_map(along).collect();
    }
    positions
}

fn integer(count: usize) -> i128 {
    i128::try_from(count).expect("a usize fits an i128")
}
