"""Evidence: a Merkle tree over the trail, signed checkpoints, proofs for strangers."""
