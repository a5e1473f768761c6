"""Every rule of a contract as a sentence.

People sign these sentences, so together they say everything that the contract does: two contracts
with the same sentences are one contract. A sentence never leaves out a default that acts.
"""
