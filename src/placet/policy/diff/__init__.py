"""What one contract lets pass that another does not, rule by rule.

A contract permits histories: sequences of calls that it grants, each with its principal, its
labels, its time and its result. A change *widens* where the new contract may grant a call, after
one and the same history, that the old one refuses or asks people about; it *narrows* where it can
only be the other way round. What can do both, or cannot be decided, is *changed*, and says whether
it may widen. A rule that is said in other words is no change at all.

Rules are conjunctions, so each rule of the old contract is looked for in what the new one wants:
where the new rules imply it, nothing is lost. What is not proven is taken to widen, so an error
of this part is a false alarm and never a silence. What forms the state (phases a commit leads to,
slots, what an aggregate is over) is compared by equality: other states make other histories.
"""
