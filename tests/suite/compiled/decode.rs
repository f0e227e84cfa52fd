//! A reader of EZKL's compiled circuits, written apart from the writer: every byte of a file, by EZKL 23.0.5's types.
//!
//! It knows the operators that are written, and refuses any other.

use serde_json::{Value, json};

/// Takes a file to its parts.
pub(crate) struct Decoder<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Where the visibility of each constant is.
    pub visibilities: Vec<usize>,
}

impl<'a> Decoder<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            visibilities: Vec::new(),
        }
    }

    fn take<const N: usize>(&mut self) -> [u8; N] {
        let taken = self.bytes[self.at..][..N].try_into().unwrap();
        self.at += N;
        taken
    }

    fn byte(&mut self) -> u8 {
        self.take::<1>()[0]
    }

    fn flag(&mut self) -> bool {
        match self.byte() {
            0 => false,
            1 => true,
            other => panic!("{other} is no flag"),
        }
    }

    fn tag(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }

    fn scale(&mut self) -> i32 {
        i32::from_le_bytes(self.take())
    }

    fn size(&mut self) -> u64 {
        u64::from_le_bytes(self.take())
    }

    fn integer(&mut self) -> i64 {
        i128::from_le_bytes(self.take()).try_into().unwrap()
    }

    fn float(&mut self) -> f64 {
        f32::from_le_bytes(self.take()).into()
    }

    fn text(&mut self) -> String {
        let bytes: Vec<u8> = (0..self.size()).map(|_| self.byte()).collect();
        String::from_utf8(bytes).unwrap()
    }

    fn element(&mut self) -> String {
        alloy_primitives::hex::encode(self.take::<32>())
    }

    fn list(&mut self, mut item: impl FnMut(&mut Self) -> Value) -> Value {
        (0..self.size()).map(|_| item(self)).collect()
    }

    fn sizes(&mut self) -> Value {
        self.list(|file| file.size().into())
    }

    fn option(&mut self, item: impl FnOnce(&mut Self) -> Value) -> Value {
        if self.flag() { item(self) } else { Value::Null }
    }

    fn visibility(&mut self) -> Value {
        let names = ["Private", "Public", "Hashed", "KZGCommit", "Fixed"];
        let name = names[self.tag() as usize];
        assert_ne!(name, "Hashed");
        name.into()
    }

    fn check_mode(&mut self) -> Value {
        ["SAFE", "UNSAFE"][self.tag() as usize].into()
    }

    fn kind(&mut self) -> Value {
        ["Bool", "F16", "F32", "F64", "Int", "TDim", "Unknown"][self.tag() as usize].into()
    }

    fn function(&mut self) -> Value {
        match self.tag() {
            4 => json!({"Sigmoid": {"scale": self.float()}}),
            16 => json!({"Tanh": {"scale": self.float()}}),
            19 => json!({"Pow": {"scale": self.float(), "a": self.float()}}),
            other => panic!("a function that is not written: {other}"),
        }
    }

    fn operator(&mut self) -> Value {
        match self.tag() {
            0 => match self.tag() {
                8 => json!({"Einsum": self.text()}),
                12 => json!("Add"),
                13 => json!("Sub"),
                14 => json!("Neg"),
                15 => json!("Mult"),
                17 => json!({"Reshape": self.sizes()}),
                25 => json!({"Concat": self.size()}),
                other => panic!("a linear operator that is not written: {other}"),
            },
            1 => json!({"Nonlinear": self.function()}),
            2 => match self.tag() {
                18 => json!({"Output": {"decomp": self.flag()}}),
                24 => {
                    let axis = self.size();
                    let positions = self.option(|file| {
                        let positions = file.sizes();
                        json!([
                            positions,
                            file.sizes(),
                            file.option(|file| file.scale().into()),
                            file.option(Self::visibility)
                        ])
                    });
                    json!({"Gather": [axis, positions]})
                }
                other => panic!("a hybrid operator that is not written: {other}"),
            },
            3 => json!({"Input": [self.scale(), self.kind(), self.flag()]}),
            4 => {
                let elements = self.list(|file| file.element().into());
                let shape = self.sizes();
                let scale = self.option(|file| file.scale().into());
                let visibility = self.option(|file| {
                    file.visibilities.push(file.at);
                    file.visibility()
                });
                let floats = self.list(|file| file.float().into());
                json!({"Constant": {
                    "elements": elements, "shape": shape, "scale": scale, "visibility": visibility,
                    "raw": [floats, self.sizes(), self.option(|file| file.scale().into()), self.option(Self::visibility)],
                    "decomp": self.flag(),
                }})
            }
            other => panic!("an operator that is not written: {other}"),
        }
    }

    fn outlet(&mut self) -> Value {
        json!([self.size(), self.size()])
    }

    fn node(&mut self) -> Value {
        let key = self.size();
        assert_eq!(self.tag(), 0, "no graph within the graph");
        json!({
            "key": key,
            "operator": self.operator(),
            "scale": self.scale(),
            "inputs": self.list(Self::outlet),
            "shape": self.sizes(),
            "index": self.size(),
            "uses": self.size(),
        })
    }

    fn run_args(&mut self) -> Value {
        json!({
            "input_scale": self.scale(),
            "param_scale": self.scale(),
            "rebase_scale": self.option(|file| file.scale().into()),
            "scale_rebase_multiplier": self.tag(),
            "lookup_range": [self.integer(), self.integer()],
            "logrows": self.tag(),
            "num_inner_cols": self.size(),
            "variables": self.list(|file| json!([file.text(), file.size()])),
            "input_visibility": self.visibility(),
            "output_visibility": self.visibility(),
            "param_visibility": self.visibility(),
            "rebase_frac_zero_constants": self.flag(),
            "check_mode": self.check_mode(),
            "decomp_base": self.size(),
            "decomp_legs": self.size(),
            "bounded_log_lookup": self.flag(),
            "ignore_range_check_inputs_outputs": self.flag(),
            "epsilon": self.option(|file| f64::from_le_bytes(file.take()).into()),
            "disable_freivalds": self.flag(),
        })
    }

    fn settings(&mut self) -> Value {
        json!({
            "run_args": self.run_args(),
            "num_rows": self.size(),
            "total_assignments": self.size(),
            "total_const_size": self.size(),
            "total_dynamic_col_size": self.size(),
            "max_dynamic_input_len": self.size(),
            "num_dynamic_lookups": self.size(),
            "num_shuffles": self.size(),
            "total_shuffle_col_size": self.size(),
            "einsum_params": {
                "equations": self.list(|file| {
                    let equation = file.text();
                    let mut sizes: Vec<(char, u64)> = (0..file.size())
                        .map(|_| (char::from(file.byte()), file.size()))
                        .collect();
                    sizes.sort_unstable();
                    let sizes = sizes.into_iter().map(|(letter, size)| (letter.to_string(), size.into()));
                    json!([equation, sizes.collect::<serde_json::Map<String, Value>>()])
                }),
                "total_einsum_col_size": self.size(),
            },
            "model_instance_shapes": self.list(Self::sizes),
            "model_output_scales": self.list(|file| file.scale().into()),
            "model_input_scales": self.list(|file| file.scale().into()),
            "module_sizes": {"polycommit": self.sizes(), "poseidon": [self.size(), self.sizes()]},
            "required_lookups": self.list(Self::function),
            "required_range_checks": self.list(|file| json!([file.integer(), file.integer()])),
            "check_mode": self.check_mode(),
            "version": self.text(),
            "num_blinding_factors": self.option(|file| file.size().into()),
            "timestamp": self.option(|file| file.integer().into()),
            "input_types": self.option(|file| file.list(Self::kind)),
            "output_types": self.option(|file| file.list(Self::kind)),
        })
    }

    fn witness(&mut self) -> Value {
        json!({
            "inputs": self.list(|file| file.list(|file| file.element().into())),
            "elements": self.option(|_| panic!("no elements for people")),
            "outputs": self.list(|file| file.list(|file| file.element().into())),
            "processed": (0..3).map(|_| self.option(|_| panic!("nothing processed"))).collect::<Value>(),
            "ranges": (0..3).map(|_| self.integer()).collect::<Value>(),
            "version": self.option(|file| file.text().into()),
        })
    }

    /// The whole file.
    pub(crate) fn circuit(&mut self) -> Value {
        let circuit = json!({
            "nodes": self.list(Self::node),
            "inputs": self.sizes(),
            "outputs": self.list(Self::outlet),
            "output_types": self.list(Self::kind),
            "visibility": [self.visibility(), self.visibility(), self.visibility()],
            "settings": self.settings(),
            "witness": self.witness(),
        });
        assert_eq!(self.at, self.bytes.len(), "every byte is read");
        circuit
    }
}
