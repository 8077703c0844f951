package crashpoint

// Steps are the places where a hub can be made to die, in the order of the way of a
// document. Each stands for two: "before:NAME" and "after:NAME".
func Steps() []string {
	return []string{
		"write",      // bytes of a part are streamed into a temporary place
		"commit",     // content becomes durable under its digest
		"staged",     // a chunk of an upload becomes durable
		"gather",     // the chunks of an upload become content
		"upload",     // an upload is noted
		"find",       // an earlier acceptance is looked for
		"accept",     // dispatch, deliveries, boxes and evidence in one transaction
		"publish",    // the reference of what is to be carried goes to the queue, and its confirm comes
		"answer",     // the sender holds its receipt
		"consume",    // a batch of references is worked on, and acknowledged
		"due",        // due deliveries are read
		"settle",     // what became of a carry is recorded, with evidence, in one transaction
		"lease",      // a recipient gets the right to collect
		"open",       // an original is opened for the recipient
		"handover",   // the recipient's acknowledgement is recorded
		"register",   // the recipient's registration is recorded
		"reject",     // a refused submission is recorded
		"sequence",   // evidences get their place in the log
		"tiles",      // the files of the log become durable
		"checkpoint", // the newest checkpoint stands
	}
}
