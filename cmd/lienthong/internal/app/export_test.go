package app

import "context"

// JudgeAgain does what the node that holds the schedule does, without waiting for others.
func (a *App) JudgeAgain(ctx context.Context) error { return a.newRechecker(0).Run(ctx) }
